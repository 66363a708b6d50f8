//! Whose a run is, where several groups share a workspace. Pure.

use twinlake_assets::Running;
use twinlake_model::{Key, RemoteId, Selection};

/// Whose a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The group's.
    Ours,
    /// Another group's, or nobody's that we speak for.
    Others,
    /// It cannot be told: it was submitted without a job, and several groups have their production here. It is named and
    /// left alone.
    Unclear,
}

/// Finds by kind and id the plural name of the kind, and what people call the thing.
type Known<'a> = dyn Fn(&str, &RemoteId) -> Option<(&'static str, Key)> + Sync + 'a;

/// What is known of the workspace that a run is in.
pub(crate) struct Whereabouts<'a> {
    /// What the group speaks for.
    pub(crate) ours: &'a Selection,
    /// What the other groups speak for whose production is here.
    pub(crate) others: &'a [Selection],
    /// The plural name of a kind, and what people call one of it at the place. None: it was never seen.
    pub(crate) known: &'a Known<'a>,
}

/// Whose a run is. `of` is the plural name of the kind of which it is a run.
pub(crate) fn whose(running: &Running, kind: &str, plural: &'static str, at: &Whereabouts<'_>) -> Whose {
    if let Some(remote) = &running.of {
        // What was made since the last look is only known by the name of its run.
        let (kinds, key) = (at.known)(kind, remote).unwrap_or((plural, Key::new(running.name.as_str())));
        return if at.ours.takes(kinds, &key) { Whose::Ours } else { Whose::Others };
    }
    let used: Vec<(&'static str, Key)> = running
        .uses
        .iter()
        .flat_map(|used| used.kind.split('|').map(move |kind| (kind, &used.remote)))
        .filter_map(|(kind, remote)| (at.known)(kind, remote))
        .collect();
    let takes = |selection: &Selection| used.iter().any(|(kinds, key)| selection.takes(kinds, key));
    match (takes(at.ours), at.others.iter().any(takes)) {
        (true, false) => Whose::Ours,
        (false, true) => Whose::Others,
        // Nobody else has production here: what nobody else can miss is stopped.
        (true, true) | (false, false) if at.others.is_empty() => Whose::Ours,
        _ => Whose::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use twinlake_assets::Use;

    use super::*;

    fn run(of: Option<&str>, uses: &[&str]) -> Running {
        Running {
            id: "9".into(),
            of: of.map(RemoteId::from),
            name: "finance-new".to_owned(),
            state: "RUNNING".to_owned(),
            began_at: "2026-05-12T10:00:00Z".parse().unwrap(),
            ended_at: None,
            result: None,
            parameters: None,
            creator: None,
            uses: uses.iter().map(|id| Use { kind: "cluster", remote: RemoteId::from(*id) }).collect(),
        }
    }

    fn selection(text: &str) -> Selection {
        Selection { include: text.split(' ').map(|one| one.parse().unwrap()).collect(), exclude: Vec::new() }
    }

    fn known(kind: &str, remote: &RemoteId) -> Option<(&'static str, Key)> {
        match (kind, remote.as_str()) {
            ("job", "1") => Some(("jobs", Key::new("finance-a"))),
            ("job", "2") => Some(("jobs", Key::new("hr-b"))),
            ("cluster", "7") => Some(("clusters", Key::new("finance-c"))),
            ("cluster", "8") => Some(("clusters", Key::new("hr-c"))),
            _ => None,
        }
    }

    fn judge(running: &Running, others: &[Selection]) -> Whose {
        let ours = selection("jobs:finance-* clusters:finance-*");
        whose(running, "job", "jobs", &Whereabouts { ours: &ours, others, known: &known })
    }

    #[test]
    fn a_run_of_a_job_is_whose_the_job_is_even_if_the_job_was_made_since() {
        assert_eq!(judge(&run(Some("1"), &[]), &[]), Whose::Ours);
        assert_eq!(judge(&run(Some("2"), &[]), &[]), Whose::Others);
        assert_eq!(judge(&run(Some("3"), &[]), &[]), Whose::Ours, "by its name");
    }

    #[test]
    fn a_submitted_run_is_whose_its_cluster_is_and_left_alone_where_it_cannot_be_told() {
        let hr = [selection("jobs:hr-* clusters:hr-*")];
        assert_eq!(judge(&run(None, &[]), &[]), Whose::Ours, "nobody else has production here");
        assert_eq!(judge(&run(None, &[]), &hr), Whose::Unclear);
        assert_eq!(judge(&run(None, &["7"]), &hr), Whose::Ours);
        assert_eq!(judge(&run(None, &["8"]), &hr), Whose::Others);
        assert_eq!(judge(&run(None, &["7", "8"]), &hr), Whose::Unclear);
    }
}
