//! What objects are called.

use twinlake_workflow::Seq;

/// The folder of all runs.
pub(crate) const RUNS: &str = "runs";

/// The folder of all shipped states.
pub(crate) const STATES: &str = "state";

/// The folder of a run. Its name is one part of a path, whatever the run is called: `sync_2f1` for `sync/1`.
pub(crate) fn run_folder(run: &str) -> String {
    let mut folder = format!("{RUNS}/");
    for byte in run.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => folder.push(char::from(byte)),
            other => folder.push_str(&format!("_{other:02x}")),
        }
    }
    folder
}

/// An event of a run. Numbers have leading zeros, so that a listing shows them in order.
pub(crate) fn event(run: &str, seq: Seq) -> String {
    format!("{}/{:08}", run_folder(run), seq.0)
}

/// The run and the number of an event's object.
pub(crate) fn read_event(name: &str) -> Option<(String, Seq)> {
    let (folder, number) = name.strip_prefix(RUNS)?.strip_prefix('/')?.split_once('/')?;
    let run = run_of(folder)?;
    let seq = Seq(number.parse().ok()?);
    (event(&run, seq) == name).then_some((run, seq))
}

/// A shipped state.
pub(crate) fn state(generation: u64) -> String {
    format!("{STATES}/{generation:08}")
}

/// The generation of a state's object.
pub(crate) fn read_state(name: &str) -> Option<u64> {
    let generation = name.strip_prefix(STATES)?.strip_prefix('/')?.parse().ok()?;
    (state(generation) == name).then_some(generation)
}

fn run_of(folder: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(folder.len());
    let mut rest = folder.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'_' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_has_a_folder_of_its_own_and_is_read_back_from_it() {
        let mut folders = std::collections::BTreeSet::new();
        for run in ["failover-20260101T000000Z-1a2b3c", "a", "a/1", "a_2f1", "..", "é \u{0}", "A", "_"] {
            let name = event(run, Seq(7));
            assert_eq!(name.split('/').count(), 3, "{name}");
            assert_eq!(read_event(&name), Some((run.to_owned(), Seq(7))));
            assert!(folders.insert(run_folder(run)), "{run}");
        }
    }

    #[test]
    fn what_is_no_name_of_ours_is_not_read_as_one() {
        for name in
            ["runs/a/7", "runs/a/00000007/x", "runs/a_2/00000007", "runs/a_zz/00000007", "run/a/00000007"]
        {
            assert_eq!(read_event(name), None, "{name}");
        }
        assert_eq!(read_state("state/00000012"), Some(12));
        for name in ["state/12", "state/x", "states/00000012", "state/00000012/1"] {
            assert_eq!(read_state(name), None, "{name}");
        }
    }
}
