//! The rules, as tables and properties.

use super::*;
use crate::Digest;

const HOUR: Duration = Duration::from_secs(3600);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Noon of a Wednesday.
fn noon() -> Timestamp {
    at("2026-05-13T12:00:00Z")
}

fn facts(kind: MoveKind) -> MoveFacts {
    MoveFacts { now: noon(), kind, last_promotion: None, acknowledged: BTreeSet::new(), loss: Loss::Unknown }
}

const KINDS: [MoveKind; 4] = [MoveKind::Switchover, MoveKind::Forced, MoveKind::Failback, MoveKind::Rollback];

fn rules(objections: &[Objection]) -> Vec<Rule> {
    objections.iter().map(|objection| objection.rule).collect()
}

fn window(days: &[Day], from: &str, to: &str, zone: &str) -> Window {
    Window {
        days: days.iter().copied().collect(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        zone: Zone::named(zone).unwrap(),
    }
}

/// Every rule at once is against a move at noon.
fn strict() -> Safety {
    Safety {
        promotions: Promotions::Off,
        windows: vec![window(&[Day::Sat], "22:00", "04:00", "Europe/Berlin")],
        max_loss: Some(HOUR),
        ..Safety::default()
    }
}

#[test]
fn by_default_nothing_is_held_up_but_a_second_promotion_within_the_hour() {
    for kind in KINDS {
        assert_eq!(Safety::default().objections(&facts(kind)), []);
        assert_eq!(Safety::default().approvals.judge(&[], Digest::of(b"x"), noon()), Standing::Enough);
    }
    let soon = MoveFacts { last_promotion: Some(at("2026-05-13T11:20:00Z")), ..facts(MoveKind::Failback) };
    let objections = Safety::default().objections(&soon);
    assert_eq!(
        objections[0].to_string(),
        "settle: the group was promoted 40m ago, at 2026-05-13T11:20:00Z, and settles for 1h; \
         wait 20m, or run it again with --acknowledge settle"
    );
}

#[test]
fn each_rule_holds_up_the_moves_that_it_is_for_and_is_set_aside_only_where_it_may_be() {
    use Rule::{MaxLoss, Promotions, Settle, Windows};
    let all = BTreeSet::from([Promotions, Windows, Settle, MaxLoss]);
    for (kind, stops, stops_though_acknowledged, noted) in [
        (MoveKind::Switchover, vec![Promotions, Windows, Settle], vec![Promotions, Windows], vec![Settle]),
        (
            MoveKind::Forced,
            vec![Promotions, Settle, MaxLoss],
            vec![Promotions],
            vec![Windows, Settle, MaxLoss],
        ),
        (MoveKind::Failback, vec![Promotions, Windows, Settle], vec![Promotions, Windows], vec![Settle]),
        (MoveKind::Rollback, vec![Promotions], vec![Promotions], vec![]),
    ] {
        let plain = MoveFacts { last_promotion: Some(noon()), ..facts(kind) };
        assert_eq!(rules(&strict().objections(&plain)), stops, "{kind:?}");
        let acknowledged = MoveFacts { acknowledged: all.clone(), ..plain };
        assert_eq!(rules(&strict().objections(&acknowledged)), stops_though_acknowledged, "{kind:?}");
        assert_eq!(rules(&strict().notes(&acknowledged)), noted, "{kind:?}");
    }
}

#[test]
fn a_forced_failover_is_never_held_up_by_a_window_and_says_so() {
    let safety = Safety { windows: strict().windows, ..Safety::default() };
    let forced = facts(MoveKind::Forced);
    assert_eq!(safety.objections(&forced), []);
    assert_eq!(rules(&safety.notes(&forced)), [Rule::Windows]);
}

#[test]
fn outside_every_window_the_next_one_is_named_by_its_own_clock() {
    let windows = vec![
        window(&[Day::Sat], "22:00", "04:00", "Europe/Berlin"),
        window(&[Day::Thu], "01:00", "02:00", "Asia/Tokyo"),
    ];
    let safety = Safety { windows, ..Safety::default() };
    let objection = safety.objections(&facts(MoveKind::Switchover)).remove(0);
    assert_eq!(objection.hint, "wait for Thu 2026-05-14 01:00 Asia/Tokyo, or change the group's windows");
    let never = Safety { windows: vec![window(&[], "01:00", "02:00", "UTC")], ..Safety::default() };
    assert!(never.objections(&facts(MoveKind::Switchover))[0].hint.contains("none of them ever opens"));
}

#[test]
fn a_window_is_open_on_its_days_by_its_own_clock_across_midnight_and_across_a_change_of_the_clocks() {
    let night = window(&[Day::Sat], "22:00", "04:00", "Europe/Berlin");
    let day = window(&[Day::Wed], "09:00", "17:30", "America/New_York");
    let whole = window(&[Day::Wed], "00:00", "00:00", "UTC");
    for (window, when, open) in [
        (&night, "2026-05-16T19:59:59Z", false),
        (&night, "2026-05-16T20:00:00Z", true),
        (&night, "2026-05-17T01:59:59Z", true),
        (&night, "2026-05-17T02:00:00Z", false),
        // Sunday night is not Saturday's, and the small hours of Saturday are Friday's.
        (&night, "2026-05-17T20:00:00Z", false),
        (&night, "2026-05-16T01:00:00Z", false),
        // Clocks go back at three: the hour from two comes twice, and four comes at three by UTC.
        (&night, "2026-10-25T00:30:00Z", true),
        (&night, "2026-10-25T01:30:00Z", true),
        (&night, "2026-10-25T02:59:59Z", true),
        (&night, "2026-10-25T03:00:00Z", false),
        // Clocks go forward: the same window is an hour shorter.
        (&night, "2026-03-29T01:59:59Z", true),
        (&night, "2026-03-29T02:00:00Z", false),
        (&day, "2026-05-13T13:00:00Z", true),
        (&day, "2026-05-13T12:59:59Z", false),
        (&day, "2026-05-13T21:30:00Z", false),
        (&whole, "2026-05-13T00:00:00Z", true),
        (&whole, "2026-05-13T23:59:59Z", true),
        (&whole, "2026-05-14T00:00:00Z", false),
        (&whole, "2026-05-12T23:59:59Z", false),
    ] {
        assert_eq!(window.holds(at(when)), open, "{window:?} at {when}");
    }
}

#[test]
fn whenever_a_window_is_closed_its_next_opening_is_open_and_nothing_before_it_is() {
    let windows = [
        window(&[Day::Sat, Day::Tue], "22:00", "04:00", "Europe/Berlin"),
        window(&[Day::Sun], "02:30", "03:30", "Europe/Berlin"),
        window(&[Day::Sun], "02:15", "02:45", "Europe/Berlin"),
        window(&[Day::Sun], "01:30", "02:30", "Europe/Berlin"),
        window(&[Day::Mon], "09:00", "17:00", "Pacific/Auckland"),
        window(&Day::every().into_iter().collect::<Vec<_>>(), "23:45", "00:15", "America/Sao_Paulo"),
    ];
    let quarter = jiff::SignedDuration::from_mins(15);
    for window in &windows {
        let mut now = at("2026-01-01T00:07:00Z");
        while now < at("2027-01-01T00:00:00Z") {
            if !window.holds(now) {
                let opens = window.next_opening(now).unwrap();
                assert!(opens > now && window.holds(opens), "{window:?} from {now}: {opens}");
                let mut before = now;
                while before < opens {
                    assert!(!window.holds(before), "{window:?}: open at {before}, before {opens}");
                    before += quarter;
                }
            }
            now += jiff::SignedDuration::from_hours(7);
        }
    }
}

#[test]
fn a_promotion_settles_exactly_as_long_as_is_said_also_by_a_clock_that_goes_ahead() {
    for (ago, held) in [(0, true), (3599, true), (3600, false), (-86_400, true)] {
        let last = noon() - jiff::SignedDuration::from_secs(ago);
        let facts = MoveFacts { last_promotion: Some(last), ..facts(MoveKind::Switchover) };
        assert_eq!(Safety::default().objections(&facts).len(), usize::from(held), "{ago} s ago");
        let never = Safety { settle: Duration::ZERO, ..Safety::default() };
        assert_eq!(never.objections(&facts), []);
    }
}

#[test]
fn loss_beyond_the_ceiling_or_unknown_is_an_objection_to_a_forced_failover_alone() {
    let safety = Safety { max_loss: Some(HOUR), ..Safety::default() };
    for (loss, held) in [
        (Loss::None, false),
        (Loss::Known(HOUR), false),
        (Loss::Known(HOUR + Duration::from_secs(1)), true),
        (Loss::Unknown, true),
    ] {
        for kind in KINDS {
            let facts = MoveFacts { loss, ..facts(kind) };
            let expected: &[Rule] = if held && kind == MoveKind::Forced { &[Rule::MaxLoss] } else { &[] };
            assert_eq!(rules(&safety.objections(&facts)), expected, "{loss:?} {kind:?}");
            assert_eq!(Safety::default().objections(&facts), []);
        }
    }
}

#[test]
fn only_rules_that_can_be_acknowledged_are_read_as_such() {
    for (rule, name) in Rule::ALL {
        assert_eq!(rule.name(), *name);
        assert_eq!(name.parse::<Rule>().ok(), rule.can_be_acknowledged().then_some(*rule));
        assert_eq!(serde_json::json!(rule), *name);
    }
    assert!("setle".parse::<Rule>().is_err());
}

fn given(by: &str, minutes_ago: i64, of: &[u8]) -> Given {
    let at = noon() - jiff::SignedDuration::from_mins(minutes_ago);
    Given { by: by.to_owned(), at, digest: Digest::of(of) }
}

fn two_of_three() -> Approvals {
    Approvals { required: 2, of: ["ana", "ben", "cho"].map(str::to_owned).to_vec(), expire: HOUR }
}

#[test]
fn two_of_three_different_listed_people_have_to_agree_to_this_very_thing_and_lately() {
    let judge = |given: &[Given]| two_of_three().judge(given, Digest::of(b"plan"), noon());
    assert_eq!(judge(&[given("ana", 1, b"plan"), given("cho", 59, b"plan")]), Standing::Enough);
    let ana = || given("ana", 1, b"plan");
    for (second, why) in [
        (given("ana", 2, b"plan"), None),
        (given("eve", 1, b"plan"), Some(Why::NotListed)),
        (given("Ben", 1, b"plan"), Some(Why::NotListed)),
        (given("ben", 1, b"the plan before"), Some(Why::OtherDigest)),
        (given("ben", 60, b"plan"), Some(Why::Expired)),
        (given("ben", -6, b"plan"), Some(Why::NotYet)),
    ] {
        let Standing::Missing { needed, may, uncounted } = judge(&[ana(), second.clone()]) else {
            panic!("{second:?} counts");
        };
        assert_eq!((needed, may), (1, vec!["ben".to_owned(), "cho".to_owned()]));
        let whys: Vec<Why> = uncounted.iter().map(|uncounted| uncounted.why).collect();
        assert_eq!(whys, why.into_iter().collect::<Vec<_>>());
    }
    assert_eq!(judge(&[ana(), given("ben", -4, b"plan")]), Standing::Enough);
}

#[test]
fn an_approval_more_never_makes_it_worse_and_no_one_counts_twice() {
    let pool: Vec<Given> = ["ana", "ben", "cho", "eve"]
        .iter()
        .flat_map(|by| [given(by, 5, b"plan"), given(by, 90, b"plan"), given(by, 5, b"other")])
        .collect();
    // Every subset of the twelve.
    for subset in 0_u32..1 << pool.len() {
        let chosen: Vec<Given> =
            pool.iter().enumerate().filter(|(n, _)| subset & (1 << n) != 0).map(|(_, g)| g.clone()).collect();
        let people =
            ["ana", "ben", "cho"].iter().filter(|by| chosen.contains(&given(by, 5, b"plan"))).count();
        let standing = two_of_three().judge(&chosen, Digest::of(b"plan"), noon());
        assert_eq!(standing == Standing::Enough, people >= 2, "{chosen:?}");
    }
}

#[test]
fn rules_read_back_as_they_were_written() {
    let hook = |when, on_failure| Hook {
        when,
        call: HookCall::Webhook {
            url: Setting::Secret("env:URL".into()),
            headers: [("X-Team".to_owned(), Setting::Plain("data".into()))].into(),
            secret: None,
        },
        timeout: DEFAULT_HOOK_TIMEOUT,
        on_failure,
    };
    let (before, after) = (When::Before("promote".into()), When::After("promote".into()));
    let safety = Safety {
        approvals: two_of_three(),
        hooks: vec![hook(before.clone(), OnFailure::Abort), hook(after.clone(), OnFailure::Abort)],
        ..strict()
    };
    let text = serde_json::to_string(&safety).unwrap();
    assert_eq!(serde_json::from_str::<Safety>(&text).unwrap(), safety);
    assert!(safety.hooks_at(&before).all(Hook::can_abort));
    assert!(!safety.hooks_at(&after).any(Hook::can_abort), "what is done cannot be stopped");
    assert_eq!(after.to_string(), "after promote");
}

#[test]
fn every_zone_can_be_used_and_others_are_named() {
    for name in Zone::names() {
        assert_eq!(Zone::named(name).unwrap().name(), name);
    }
    assert_eq!(Zone::named("europe/berlin").unwrap().name(), "Europe/Berlin");
    let error = Zone::named("Europe/Berln").unwrap_err();
    assert_eq!(error.to_string(), "\"Europe/Berln\" is not a time zone such as Europe/Berlin or UTC");
}
