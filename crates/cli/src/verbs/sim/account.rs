//! Which workspaces a simulated account has.

use twinlake_simulator::{Cloud, WorkspaceSpec};

/// A workspace to simulate, and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The workspace.
    pub(crate) spec: WorkspaceSpec,
    /// Its port; any free one without.
    pub(crate) port: Option<u16>,
}

/// The clouds, each with its name and the region that is meant when none is named.
const CLOUDS: &[(&str, Cloud, &str)] = &[
    ("aws", Cloud::Aws, "us-east-1"),
    ("azure", Cloud::Azure, "westeurope"),
    ("gcp", Cloud::Gcp, "us-central1"),
];

/// Reads `name[:cloud[:region[:port]]]`.
pub(crate) fn parse(text: &str) -> Result<Wanted, String> {
    let mut parts = text.split(':');
    let name = parts
        .next()
        .filter(|name| is_name(name))
        .ok_or("a workspace's name is letters, digits and dashes")?;
    let cloud = parts.next().unwrap_or("aws");
    let Some((_, cloud, usual)) = CLOUDS.iter().find(|(known, ..)| *known == cloud) else {
        return Err(format!("{cloud:?} is not a cloud: aws, azure or gcp"));
    };
    let region = parts.next().filter(|region| !region.is_empty()).unwrap_or(usual);
    let port = match parts.next() {
        None | Some("") => None,
        Some(port) => Some(port.parse().map_err(|_| format!("{port:?} is not a port"))?),
    };
    match parts.next() {
        Some(_) => Err("too many parts: name:cloud:region:port".to_owned()),
        None => Ok(Wanted { spec: WorkspaceSpec::new(name, *cloud, region), port }),
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Two regions of one cloud.
pub(crate) fn usual() -> Vec<Wanted> {
    [("east", "us-east-1"), ("west", "us-west-2")]
        .map(|(name, region)| Wanted { spec: WorkspaceSpec::new(name, Cloud::Aws, region), port: None })
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_named_with_as_much_as_matters() {
        let north = parse("north:azure:northeurope:8081").unwrap();
        assert_eq!(north.spec, WorkspaceSpec::new("north", Cloud::Azure, "northeurope"));
        assert_eq!((north.port, parse("a").unwrap().spec.region.as_str()), (Some(8081), "us-east-1"));
        for wrong in ["", "1a", "a:ibm", "a:aws:r:x", "a:aws:r:1:2"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
