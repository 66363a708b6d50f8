//! First configs: a commented example that shows every key, and a short one made from two profiles.

use crate::Cloud;

/// Every key, commented. It is the documentation of the format and is read by a test.
pub const EXAMPLE: &str = include_str!("example.yml");

/// What a first config is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The estate's name.
    pub estate: String,
    /// The group's name.
    pub group: String,
    /// Where production runs.
    pub primary: DraftSite,
    /// Where it should be able to run.
    pub standby: DraftSite,
    /// Where epochs and leases live. None leaves it to be filled in.
    pub witness: Option<String>,
}

/// One site of a first config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftSite {
    /// Its name: `east`.
    pub site: String,
    /// Whose region.
    pub cloud: Cloud,
    /// The region, if it is known.
    pub region: Option<String>,
    /// The profile of its production workspace in `.databrickscfg`.
    pub profile: String,
}

/// Writes a short config from two profiles, for `twinlake init`. It loads without problems, as long as the names are
/// names and the profiles differ.
#[must_use]
pub fn render(draft: &Draft) -> String {
    let Draft { estate, group, primary, standby, witness } = draft;
    let witness = witness.as_deref().map_or_else(
        || {
            "# witness: { url: gs://bucket/twinlake }   # where epochs and leases live: outside every site\n"
                .to_owned()
        },
        |url| {
            format!(
                "witness: {{ url: {} }}   # where epochs and leases live: outside every site\n",
                quoted(url)
            )
        },
    );
    format!(
        "\
# Twinlake keeps {standby_name} ready to take over from {primary_name}. `twinlake check` reads this file and says what is wrong.
estate: {estate}

sites:
{primary_site}{standby_site}
{witness}
failover_groups:
  {group}:
    primary: {primary_id}
    standbys: [{standby_id}]
    tier: 2            # 1 hot: RPO 15m, RTO 1h · 2 warm: 4h, 8h · 3 cold: 24h, 48h
    workspace_sets:
      - name: prod     # everything in it; narrow it with assets: {{ include: [\"jobs:finance-*\"] }}
    # What is called otherwise at the other site. One row each, with the value at each site.
    # location_mappings:
    #   - {{ {primary_id}: s3://lake-one/, {standby_id}: s3://lake-two/ }}
    # mappings:
    #   node_types:
    #     - {{ {primary_id}: i3.xlarge, {standby_id}: i4i.xlarge }}
    schedule: 15m
",
        estate = quoted(estate),
        group = quoted(group),
        primary_name = one_line(&primary.site),
        standby_name = one_line(&standby.site),
        primary_site = site(primary),
        standby_site = site(standby),
        primary_id = quoted(&primary.site),
        standby_id = quoted(&standby.site),
    )
}

fn site(draft: &DraftSite) -> String {
    let region = match &draft.region {
        Some(region) => quoted(region),
        None => "unknown    # as the cloud calls it, such as us-east-1".to_owned(),
    };
    format!(
        "  {}:\n    cloud: {}\n    region: {region}\n    workspaces:\n      prod: {{ profile: {} }}\n",
        quoted(&draft.site),
        draft.cloud.name(),
        quoted(&draft.profile),
    )
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A text as YAML reads it back: bare where it is plainly a word, else in double quotes.
fn quoted(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        );
    // JSON's strings are YAML's double-quoted ones.
    if is_word { text.to_owned() } else { serde_json::Value::from(text).to_string().replace("${", "$${") }
}
