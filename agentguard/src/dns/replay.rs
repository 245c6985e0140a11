//! For fuzzing: a message as from an agent, and as from an upstream server.

use super::{
    answer::{self, Answer, Heard},
    name,
    question::{HEADER, Malformed, Question},
    reply::{self, Code, Extended},
};

/// Reads arbitrary bytes in both directions, and holds what must be so.
///
/// # Panics
///
/// If something is not as it must be.
pub fn replay(bytes: &[u8]) {
    match Question::read(bytes) {
        Ok(question) => question_holds(bytes, &question),
        Err(Malformed::Form(head) | Malformed::Operation(head)) => {
            assert_eq!(reply::header(head, Code::FormErr).len(), HEADER);
        }
        Err(Malformed::Ignored) => {}
    }
    // As the answer to the question that it has itself, so that most of it is read.
    let Some(section) = bytes
        .get(HEADER..)
        .and_then(|rest| rest.get(..name::wire_len(rest)? + 4))
    else {
        return;
    };
    let id = u16::from_be_bytes([bytes[0], bytes[1]]);
    if let Ok(Heard::Answer(answer)) = answer::read(bytes, id, section) {
        answer_holds(section, &answer);
    }
}

fn question_holds(bytes: &[u8], question: &Question) {
    assert_eq!(
        &bytes[HEADER..HEADER + question.section.len()],
        &*question.section
    );
    assert_eq!(
        question.name.is_plain,
        name::is_plain(&question.name.text),
        "{:?}",
        question.name
    );
    if question.name.is_plain {
        let wire = name::wire(&question.name.text);
        assert!(wire.eq_ignore_ascii_case(&question.section[..question.section.len() - 4]));
    }
    let refused = reply::empty(question, Code::Refused, Some(Extended::Prohibited));
    assert_eq!(refused[..2], bytes[..2]);
    assert!(refused.len() <= HEADER + question.section.len() + 17);
}

fn answer_holds(section: &[u8], answer: &Answer) {
    for (index, item) in answer.items.iter().enumerate() {
        assert!(item.owner <= index);
    }
    let mut asked = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    asked.extend(section);
    let Ok(question) = Question::read(&asked) else {
        panic!("a question that was copied is none: {asked:?}");
    };
    let all = reply::answer(&question, answer, &[], answer.ttl, usize::MAX);
    // It says the same to whoever reads it. Lengths that do not fit were refused, but the sum can be more than a message.
    if u16::try_from(all.len()).is_ok() {
        match answer::read(&all, 1, &question.section) {
            Ok(Heard::Answer(again)) => {
                assert_eq!(again.is_no_name, answer.is_no_name);
                assert_eq!(again.items.len(), answer.items.len());
                for (a, b) in again.items.iter().zip(&answer.items) {
                    assert_eq!(
                        (a.owner, a.record_type, &a.data),
                        (b.owner, b.record_type, &b.data)
                    );
                }
            }
            other => panic!("what was answered cannot be read: {other:?}"),
        }
    }
    let short = reply::answer(&question, answer, &[], answer.ttl, 512);
    assert!(short.len() <= 512);
}
