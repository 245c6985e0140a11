//! Random scopes, and random attempts within a tree of which each directory looks like every other of its depth.

use agentguard_common::path::Access;

/// Numbers that look random: `SplitMix64`.
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % (limit.max(1) as u64)).unwrap_or(0)
    }

    /// Whether something happens that does so in this many of a hundred cases.
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn choose<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }
}

/// What every directory has in it, as long as there is depth left.
pub(super) const DIRECTORIES: &[&str] = &["a", "b", "ab", "c.d"];
pub(super) const FILES: &[&str] = &["f", "aa", "g.txt", "k.env"];
/// How deep directories are beneath the root of the random tree.
pub(super) const DEPTH: usize = 3;
/// Where that is.
pub(super) const ROOT: &str = "$tree/random";

const GLOBS: &[&str] = &["a*", "*b", "*.txt", "*.*", "k*v", "*a*"];

/// A rule for files.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    list: &'static str,
    pattern: String,
    is_observed: bool,
}

/// A scope that is nothing but rules for files.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) rules: Vec<Rule>,
    is_observed: bool,
}

impl Rules {
    /// Some that are about the random tree.
    pub(super) fn new(random: &mut Random) -> Self {
        let mut rules: Vec<Rule> = Vec::new();
        for _ in 0..=random.below(12) {
            let rule = Rule {
                list: random.choose(&["read", "write", "write", "exec", "deny"]),
                pattern: pattern(random),
                is_observed: random.chance(15),
            };
            if rules
                .iter()
                .all(|other| (other.list, &other.pattern) != (rule.list, &rule.pattern))
            {
                rules.push(rule);
            }
        }
        Self {
            rules,
            is_observed: random.chance(10),
        }
    }

    /// As a scope file. What the session itself needs is permitted.
    pub(super) fn text(&self, agent: &str) -> String {
        let mode = if self.is_observed {
            "observe"
        } else {
            "enforce"
        };
        let mut text = format!(
            "[agent]\nname = \"{agent}\"\nmode = \"{mode}\"\nprofiles = [\"base\"]\n\n[files]\n"
        );
        for list in ["read", "write", "exec", "deny"] {
            text.push_str(list);
            text.push_str(" = [\n");
            if list == "exec" {
                text.push_str("  \"$program\",\n");
            }
            for rule in self.rules.iter().filter(|rule| rule.list == list) {
                let pattern = &rule.pattern;
                let item = if rule.is_observed {
                    format!("  {{ path = {pattern:?}, mode = \"observe\" }},\n")
                } else {
                    format!("  {pattern:?},\n")
                };
                text.push_str(&item);
            }
            text.push_str("]\n");
        }
        text
    }
}

fn pattern(random: &mut Random) -> String {
    let mut pattern = random
        .choose(&[ROOT, ROOT, ROOT, ROOT, ROOT, "/**", "$tree/*", "$tree"])
        .to_owned();
    let mut is_any_depth = pattern.ends_with("**");
    for _ in 0..random.below(DEPTH + 2) + usize::from(is_any_depth) {
        let component = match random.below(100) {
            0..15 => "*",
            15..30 if !is_any_depth => "**",
            30..50 => random.choose(GLOBS),
            50..80 => random.choose(DIRECTORIES),
            _ => random.choose(FILES),
        };
        is_any_depth = component == "**";
        pattern.push('/');
        pattern.push_str(component);
    }
    pattern
}

/// What is tried, what the kernel asks about, and what its record calls it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) accesses: &'static [Access],
    pub(super) operation: &'static str,
}

const fn kind(name: &'static str, accesses: &'static [Access], operation: &'static str) -> Kind {
    Kind {
        name,
        accesses,
        operation,
    }
}

const OF_FILES: &[Kind] = &[
    kind("read", &[Access::Read], "open"),
    kind("write", &[Access::Write], "open"),
    kind("both", &[Access::Read, Access::Write], "open"),
    kind("exec", &[Access::Exec], "exec"),
];

const OF_DIRECTORIES: &[Kind] = &[kind("list", &[Access::Read], "open")];

/// One attempt.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) kind: Kind,
    pub(super) path: String,
}

impl Attempt {
    pub(super) fn new(random: &mut Random) -> Self {
        let mut path = directory(random, DEPTH);
        let kind = if random.chance(20) {
            random.choose(OF_DIRECTORIES)
        } else {
            path.push('/');
            path.push_str(random.choose(FILES));
            random.choose(OF_FILES)
        };
        Self { kind, path }
    }
}

/// A directory at this depth, or less deep.
fn directory(random: &mut Random, depth: usize) -> String {
    let depth = random.below(depth + 1);
    at_depth(random, depth)
}

fn at_depth(random: &mut Random, depth: usize) -> String {
    let mut path = ROOT.to_owned();
    for _ in 0..depth {
        path.push('/');
        path.push_str(random.choose(DIRECTORIES));
    }
    path
}

/// Two directories of one depth: if they change places, there are the same paths as before.
pub(super) fn pair(random: &mut Random) -> Option<(String, String)> {
    let depth = random.below(DEPTH) + 1;
    let (one, other) = (at_depth(random, depth), at_depth(random, depth));
    (one != other).then_some((one, other))
}
