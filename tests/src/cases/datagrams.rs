//! N09–N11 and N23: datagrams, however their destination is given.

use super::{
    scopes::GUARDED,
    table::{NO_OPTION, no_rule, optional, permitted, refused, under_lsm},
};
use crate::{
    harness::Group,
    world::addresses::{ALLOWED4, ALLOWED6, FORBIDDEN4, FORBIDDEN6},
};

const GOOD4: &str = "10.77.0.2:7001";
const GOOD6: &str = "[fd77::2]:7001";
const TO4: &str = "10.77.0.3:7001";
const TO6: &str = "[fd77::3]:7001";

// One line a case.
#[rustfmt::skip]
pub(super) const GROUP: Group = Group {
    name: "datagrams",
    scopes: &[GUARDED],
    layout: None,
    internet: false,
    cases: &[
        permitted("allowed-v4", "guarded", &["udp-exchange", GOOD4], ALLOWED4),
        permitted("allowed-v6", "guarded", &["udp-exchange", GOOD6], ALLOWED6),
        permitted("allowed-sendmmsg", "guarded", &["udp-sendmmsg", GOOD4, GOOD4], ALLOWED4),
        under_lsm(permitted("allowed-options-v4", "guarded", &["udp-options", GOOD4], ALLOWED4), &NO_OPTION),
        permitted("allowed-options-v6", "guarded", &["udp-options", GOOD6], ALLOWED6),
        permitted("allowed-corked", "guarded", &["udp-cork", GOOD4, GOOD4], ALLOWED4),
        refused("N09-sendto-v4", "guarded", &["udp", TO4], FORBIDDEN4, "sendto", no_rule("send", TO4, "udp")),
        refused("N09-sendto-v6", "guarded", &["udp", TO6], FORBIDDEN6, "sendto", no_rule("send", TO6, "udp")),
        refused("N09-sendmsg-v4", "guarded", &["udp-sendmsg", TO4], FORBIDDEN4, "sendmsg", no_rule("send", TO4, "udp")),
        refused("N09-sendmsg-v6", "guarded", &["udp-sendmsg", TO6], FORBIDDEN6, "sendmsg", no_rule("send", TO6, "udp")),
        refused("N09-corked", "guarded", &["udp-cork", GOOD4, TO4], FORBIDDEN4, "sendto", no_rule("send", TO4, "udp")),
        refused("N10-connected-elsewhere-v4", "guarded", &["udp-connected-elsewhere", GOOD4, TO4], FORBIDDEN4, "sendto", no_rule("send", TO4, "udp")),
        refused("N10-connected-elsewhere-v6", "guarded", &["udp-connected-elsewhere", GOOD6, TO6], FORBIDDEN6, "sendto", no_rule("send", TO6, "udp")),
        refused("N11-reconnect-v4", "guarded", &["udp-reconnect", GOOD4, TO4], FORBIDDEN4, "connect-again", no_rule("connect", TO4, "udp")),
        refused("N11-reconnect-v6", "guarded", &["udp-reconnect", GOOD6, TO6], FORBIDDEN6, "connect-again", no_rule("connect", TO6, "udp")),
        under_lsm(refused("N23-source-route", "guarded", &["udp-source-route", GOOD4, TO4], FORBIDDEN4, "send", no_rule("packet", TO4, "udp")), &NO_OPTION),
        under_lsm(refused("N23-segments", "guarded", &["option-udp", "segments", GOOD6, TO6], FORBIDDEN6, "sendto", no_rule("packet", TO6, "udp")), &NO_OPTION),
        // What goes along with a datagram is no option of its socket.
        refused("N23-source-route-of-one", "guarded", &["cmsg-udp", "source-route", GOOD4, TO4], FORBIDDEN4, "sendmsg", no_rule("packet", TO4, "udp")),
        optional(refused("N23-home-address-of-one", "guarded", &["cmsg-udp", "home-address", GOOD6, TO6], FORBIDDEN6, "sendmsg", no_rule("packet", TO6, "udp"))),
        refused("N23b-unspecified-family", "guarded", &["udp-unspecified-family", TO4], FORBIDDEN4, "sendto", no_rule("send", TO4, "udp")),
        refused("N23b-v4-through-v6-socket", "guarded", &["udp6-v4-destination", TO4], FORBIDDEN4, "sendto", no_rule("send", TO4, "udp")),
        super::table::paired("N09-sendmmsg-second-forbidden", sendmmsg::control, sendmmsg::scenario),
    ],
};

mod sendmmsg {
    //! One call, two datagrams: the first must arrive, the second must not.

    use super::{ALLOWED4, FORBIDDEN4, GOOD4, TO4};
    use crate::{ensure, error::Outcome, harness::Stage};

    pub(super) fn control(stage: &Stage) -> Outcome {
        stage.world.settle()?;
        let before = stage.world.arrivals(FORBIDDEN4);
        let reading = stage.try_untagged(&["udp-sendmmsg", GOOD4, TO4])?;
        stage.world.settle()?;
        ensure!(
            reading.number("sent")? == 2,
            "untagged: {}",
            reading.summary()
        );
        ensure!(
            stage.world.arrivals(FORBIDDEN4) > before,
            "untagged, nothing arrives"
        );
        Ok(())
    }

    pub(super) fn scenario(stage: &Stage) -> Outcome {
        let daemon = stage.daemon()?;
        let moment = daemon.moment("guarded")?;
        let world = &stage.world;
        let before = (world.arrivals(ALLOWED4), world.arrivals(FORBIDDEN4));
        let reading = stage.try_tagged(daemon, "guarded", &["udp-sendmmsg", GOOD4, TO4])?;
        world.settle()?;
        ensure!(
            reading.number("sent")? == 1,
            "not one was sent: {}",
            reading.summary()
        );
        ensure!(
            reading.first_error() == Some(("sendmmsg-rest", "EPERM")),
            "the second is not refused: {}",
            reading.summary()
        );
        ensure!(
            world.arrivals(ALLOWED4) > before.0,
            "the first does not arrive"
        );
        ensure!(world.arrivals(FORBIDDEN4) == before.1, "the second arrives");
        // The call that sent one refused the second, and the call with the rest refused it again.
        let records = daemon.since(&moment)?.violations;
        ensure!(records.len() == 2, "{} records: {records:?}", records.len());
        for record in &records {
            ensure!(
                record.text("destination") == TO4,
                "wrong record: {}",
                record.0
            );
        }
        Ok(())
    }
}
