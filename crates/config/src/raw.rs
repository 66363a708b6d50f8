//! What was typed: the shape of the file, not yet what it means.
//!
//! Every value keeps its place. Unknown keys, missing keys and wrong types are reported here; names and numbers are
//! still text and are given their meaning by `checked`.

pub(crate) mod safety;

use self::safety::RawSafety;
use crate::fields::{At, Fields, Item};

type Text = Option<At<String>>;

/// The whole file, includes and overlays merged, variables in place.
#[derive(Debug, Default)]
pub(crate) struct RawConfig {
    pub(crate) estate: Text,
    pub(crate) sites: Vec<RawSite>,
    pub(crate) witness: Text,
    pub(crate) groups: Vec<RawGroup>,
    pub(crate) base_layer: Option<RawSelection>,
    pub(crate) local_state: Text,
    pub(crate) state_key: Option<RawStateKey>,
    /// The master switch of all groups.
    pub(crate) promotions: Option<bool>,
}

#[derive(Debug)]
pub(crate) struct RawStateKey {
    pub(crate) recipients: Vec<At<String>>,
    pub(crate) identity: Text,
}

#[derive(Debug)]
pub(crate) struct RawSite {
    pub(crate) id: At<String>,
    pub(crate) cloud: Text,
    pub(crate) region: Text,
    pub(crate) workspaces: Vec<RawWorkspace>,
    pub(crate) state: Text,
}

#[derive(Debug)]
pub(crate) struct RawWorkspace {
    pub(crate) set: At<String>,
    pub(crate) profile: Text,
    pub(crate) host: Text,
    pub(crate) token: Text,
}

#[derive(Debug)]
pub(crate) struct RawGroup {
    pub(crate) name: At<String>,
    pub(crate) primary: Text,
    pub(crate) standbys: Vec<At<String>>,
    pub(crate) tier: Text,
    pub(crate) objectives: Option<At<RawObjectives>>,
    pub(crate) sets: Vec<RawSet>,
    pub(crate) catalogs: Vec<At<String>>,
    pub(crate) tables: Vec<RawTable>,
    pub(crate) strings: Vec<RawRow>,
    pub(crate) warm: Option<RawSelection>,
    pub(crate) waves: Vec<RawSelection>,
    pub(crate) schedule: Text,
    pub(crate) deletion_grace: Text,
    pub(crate) max_deletions: Text,
    pub(crate) primary_share: Text,
    pub(crate) standby_share: Text,
    pub(crate) accept: Option<RawSelection>,
    pub(crate) contacts: Vec<RawContact>,
    pub(crate) safety: RawSafety,
}

#[derive(Debug)]
pub(crate) struct RawObjectives {
    pub(crate) rpo: Text,
    pub(crate) rto: Text,
}

#[derive(Debug)]
pub(crate) struct RawSet {
    pub(crate) name: Text,
    pub(crate) spot: crate::problem::Spot,
    pub(crate) assets: Option<RawSelection>,
}

/// A list of selectors means `include`. No `include` at all is told apart from an empty one.
#[derive(Debug)]
pub(crate) struct RawSelection {
    pub(crate) spot: crate::problem::Spot,
    pub(crate) include: Option<Vec<At<String>>>,
    pub(crate) exclude: Vec<At<String>>,
}

/// The rows of one mapping, under its key in the config.
#[derive(Debug)]
pub(crate) struct RawTable {
    pub(crate) key: At<&'static str>,
    pub(crate) rows: Vec<RawRow>,
}

#[derive(Debug)]
pub(crate) struct RawRow {
    pub(crate) spot: crate::problem::Spot,
    /// Site and value.
    pub(crate) cells: Vec<(At<String>, At<String>)>,
    /// Whether every cell could be read.
    pub(crate) is_whole: bool,
    /// The fields that a word is replaced in; for rows of `strings` only.
    pub(crate) within: Vec<At<String>>,
}

#[derive(Debug)]
pub(crate) struct RawContact {
    pub(crate) role: Text,
    pub(crate) to: Text,
}

/// The mappings of whole values, by their keys under `mappings`.
const TABLES: &[&str] = &["node_types", "zones", "instance_profiles", "spark_versions"];

impl RawConfig {
    pub(crate) fn read(root: &Item<'_>) -> Self {
        let Some(fields) = root.fields() else { return Self::default() };
        let estate = text(fields.need("estate", "name the estate"));
        // Already taken out of the tree, but known, so that a slip in one of them finds it.
        let taken: &[&str] = if fields.is_partial() {
            &["default", "variables"]
        } else {
            &["include", "variables", "targets"]
        };
        for key in taken {
            let _ = fields.get(key);
        }
        let sites = fields.need_some("sites", "name at least two, a primary and a standby");
        let raw = Self {
            estate,
            sites: named(sites, RawSite::read),
            witness: fields.get("witness").and_then(|item| {
                let fields = item.fields()?;
                let url = text(fields.need("url", "name a location outside every site"));
                fields.finish();
                url
            }),
            groups: named(fields.need_some("failover_groups", "name what moves together"), RawGroup::read),
            base_layer: fields.get("base_layer").and_then(|item| RawSelection::read(&item)),
            local_state: text(fields.get("local_state")),
            state_key: RawStateKey::read(fields.get("state_key")),
            promotions: fields.get("promotions").and_then(|item| item.switch()),
        };
        fields.finish();
        raw
    }
}

impl RawStateKey {
    fn read(item: Option<Item<'_>>) -> Option<Self> {
        let mut key = None;
        within(item, |fields| {
            let recipients = fields.need_some("recipients", "name at least one public key, age1…");
            key = Some(Self {
                recipients: recipients.map_or_else(Vec::new, |item| item.texts()),
                identity: text(fields.get("identity")),
            });
        });
        key
    }
}

impl RawSite {
    fn read(id: At<String>, fields: &Fields<'_>) -> Self {
        let workspaces =
            fields.need_some("workspaces", "name at least one, such as prod: { profile: prod-east }");
        Self {
            id,
            cloud: text(fields.need("cloud", "aws, azure or gcp")),
            region: text(fields.need("region", "name it as the cloud does, such as us-east-1")),
            workspaces: named(workspaces, RawWorkspace::read),
            state: text(fields.get("state")),
        }
    }
}

impl RawWorkspace {
    fn read(set: At<String>, fields: &Fields<'_>) -> Self {
        let (profile, host, token) = (fields.get("profile"), fields.get("host"), fields.get("token"));
        if profile.is_none() && host.is_none() {
            fields.missing("profile", "name a profile of .databrickscfg, or give host and token");
        } else if profile.is_none() && token.is_none() {
            fields.missing("token", "name the secret, such as env:EAST_TOKEN");
        }
        Self { set, profile: text(profile), host: text(host), token: text(token) }
    }
}

impl RawGroup {
    fn read(name: At<String>, fields: &Fields<'_>) -> Self {
        let standbys = fields.need_some("standbys", "name at least one site to fail over to");
        let sets = fields.need_some("workspace_sets", "name at least one, such as { name: prod }");
        let (tier, objectives) = (fields.get("tier"), fields.get("objectives"));
        if tier.is_none() && objectives.is_none() {
            fields.missing("tier", "give a tier (1 hot, 2 warm, 3 cold), or objectives with rpo and rto");
        }
        let (tables, strings) = read_mappings(fields);
        let (mut deletion_grace, mut max_deletions) = (None, None);
        within(fields.get("guards"), |guards| {
            deletion_grace = text(guards.get("deletion_grace"));
            max_deletions = text(guards.get("max_deletions"));
        });
        let (mut primary_share, mut standby_share) = (None, None);
        within(fields.get("share"), |share| {
            primary_share = text(share.get("primary"));
            standby_share = text(share.get("standby"));
        });
        Self {
            name,
            primary: text(fields.need("primary", "name the site where production runs")),
            standbys: standbys.map_or_else(Vec::new, |item| item.texts()),
            tier: text(tier),
            objectives: objectives.and_then(|item| RawObjectives::read(&item)),
            sets: sets.map_or_else(Vec::new, |item| item.list().iter().filter_map(RawSet::read).collect()),
            catalogs: fields.get("catalogs").map_or_else(Vec::new, |item| item.texts()),
            tables,
            strings,
            warm: fields.get("warm").and_then(|item| RawSelection::read(&item)),
            waves: fields
                .get("waves")
                .map_or_else(Vec::new, |item| item.list().iter().filter_map(RawSelection::read).collect()),
            schedule: text(fields.get("schedule")),
            deletion_grace,
            max_deletions,
            primary_share,
            standby_share,
            accept: fields.get("accept").and_then(|item| RawSelection::read(&item)),
            contacts: fields
                .get("contacts")
                .map_or_else(Vec::new, |item| item.list().iter().filter_map(RawContact::read).collect()),
            safety: RawSafety::read(fields.get("safety")),
        }
    }
}

impl RawObjectives {
    fn read(item: &Item<'_>) -> Option<At<Self>> {
        let fields = item.fields()?;
        let objectives = Self {
            rpo: text(fields.need("rpo", "how much may be lost, such as 15m")),
            rto: text(fields.need("rto", "how long it may take, such as 1h")),
        };
        let spot = fields.spot.clone();
        fields.finish();
        Some(At { value: objectives, spot })
    }
}

impl RawSet {
    fn read(item: &Item<'_>) -> Option<Self> {
        let fields = item.fields()?;
        let set = Self {
            name: text(fields.need("name", "name a key of the sites' workspaces")),
            spot: fields.spot.clone(),
            assets: fields.get("assets").and_then(|item| RawSelection::read(&item)),
        };
        fields.finish();
        Some(set)
    }
}

impl RawSelection {
    fn read(item: &Item<'_>) -> Option<Self> {
        if item.is_list() {
            return Some(Self { spot: item.spot.clone(), include: Some(item.texts()), exclude: Vec::new() });
        }
        let fields = item.fields()?;
        let selection = Self {
            spot: item.spot.clone(),
            include: fields.get("include").map(|item| item.texts()),
            exclude: fields.get("exclude").map_or_else(Vec::new, |item| item.texts()),
        };
        fields.finish();
        Some(selection)
    }
}

impl RawRow {
    fn read(item: &Item<'_>, of_strings: bool) -> Option<Self> {
        let fields = item.fields()?;
        let within = if of_strings {
            let names = fields.need_some("in", "name the fields to replace it in, such as [spark_conf]");
            names.map_or_else(Vec::new, |item| item.texts())
        } else {
            Vec::new()
        };
        let ours: &[&str] = if of_strings { &["in"] } else { &[] };
        let others = fields.others(ours);
        let count = others.len();
        let cells: Vec<_> =
            others.into_iter().filter_map(|(site, item)| Some((site, item.text()?))).collect();
        Some(Self { spot: item.spot.clone(), is_whole: cells.len() == count, cells, within })
    }
}

impl RawContact {
    fn read(item: &Item<'_>) -> Option<Self> {
        let fields = item.fields()?;
        let contact = Self {
            role: text(fields.need("role", "say what they decide or do")),
            to: text(fields.need("to", "say how to reach them")),
        };
        fields.finish();
        Some(contact)
    }
}

fn read_mappings(fields: &Fields<'_>) -> (Vec<RawTable>, Vec<RawRow>) {
    let rows = |item: &Item<'_>, of_strings| {
        item.list().iter().filter_map(|row| RawRow::read(row, of_strings)).collect::<Vec<_>>()
    };
    let table = |key: &'static str, item: &Item<'_>| RawTable {
        key: At { value: key, spot: item.spot.clone() },
        rows: rows(item, false),
    };
    let mut tables = Vec::new();
    let mut strings = Vec::new();
    if let Some(item) = fields.get("location_mappings") {
        tables.push(table("location_mappings", &item));
    }
    within(fields.get("mappings"), |mappings| {
        for key in TABLES {
            tables.extend(mappings.get(key).map(|item| table(key, &item)));
        }
        strings = mappings.get("strings").map_or_else(Vec::new, |item| rows(&item, true));
    });
    (tables, strings)
}

fn text(item: Option<Item<'_>>) -> Text {
    item.and_then(|item| item.text())
}

/// Reads a map of ours, if it is there.
fn within(item: Option<Item<'_>>, read: impl FnOnce(&Fields<'_>)) {
    if let Some(fields) = item.and_then(|item| item.fields()) {
        read(&fields);
        fields.finish();
    }
}

/// Reads a map of the operator's names, each over a map of ours.
fn named<T>(item: Option<Item<'_>>, read: impl Fn(At<String>, &Fields<'_>) -> T) -> Vec<T> {
    let entries = item.map_or_else(Vec::new, |item| item.named());
    let one = |(name, item): (At<String>, Item<'_>)| {
        let fields = item.fields_or_none();
        let value = read(name, &fields);
        fields.finish();
        value
    };
    entries.into_iter().map(one).collect()
}
