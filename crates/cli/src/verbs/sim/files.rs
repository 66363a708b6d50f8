//! The profiles and the config that work with a simulated account.

use std::path::{Path, PathBuf};

use anyhow::Context;
use twinlake_simulator::{Cloud, ServedWorkspace};

/// Node types of about the same size, one per cloud: AWS, Azure, GCP.
const TWINS: &[[&str; 3]] = &[
    ["m5.large", "Standard_DS3_v2", "n1-standard-4"],
    ["m5d.large", "Standard_DS3_v2", "n1-standard-4"],
    ["m5.xlarge", "Standard_D4ds_v5", "n2-standard-4"],
    ["m5d.xlarge", "Standard_D4ds_v5", "n2-standard-4"],
    ["r5.xlarge", "Standard_E4ds_v5", "n2-highmem-4"],
    ["r5d.2xlarge", "Standard_E8ds_v5", "n2-highmem-8"],
    ["c5.2xlarge", "Standard_D8ds_v5", "n2-highmem-8"],
    ["i3.xlarge", "Standard_L8s_v3", "n2-highmem-4"],
    ["i3.2xlarge", "Standard_L8s_v3", "n2-highmem-8"],
    ["i4i.xlarge", "Standard_L8s_v3", "n2-highmem-4"],
    ["i4i.2xlarge", "Standard_L8s_v3", "n2-highmem-8"],
    ["g4dn.xlarge", "Standard_NC4as_T4_v3", "a2-highgpu-1g"],
];

/// What is called otherwise within AWS: many-to-one, as a region without i3 would have it.
const WITHIN_AWS: &[[&str; 2]] = &[
    ["i3.xlarge", "i4i.xlarge"],
    ["i3.2xlarge", "i4i.2xlarge"],
    ["i4i.xlarge", "i4i.xlarge"],
    ["i4i.2xlarge", "i4i.2xlarge"],
];

/// Where the estate's files land, by which a location mapping is shown.
const LANDING: &str = "s3://acme-landing";

/// A `.databrickscfg` with a profile for each workspace.
pub(crate) fn profiles(workspaces: &[ServedWorkspace]) -> String {
    let mut text = "; Profiles of a simulated account. The tokens open nothing else.\n".to_owned();
    for workspace in workspaces {
        text.push_str(&format!(
            "\n[{}]\nhost  = {}\ntoken = {}\n",
            workspace.info.name, workspace.url, workspace.info.token
        ));
    }
    text
}

/// A `twinlake.yml` in which the first workspace is the primary and all others stand by.
pub(crate) fn config(workspaces: &[ServedWorkspace], witness: Option<&Path>) -> String {
    let mut text = "# Twinlake over a simulated account.\nestate: simulated\n\nsites:\n".to_owned();
    for workspace in workspaces {
        let info = &workspace.info;
        text.push_str(&format!(
            "  {0}:\n    cloud: {1}\n    region: {2}\n    workspaces:\n      prod: {{ profile: {0} }}\n",
            info.name,
            info.cloud.name(),
            info.region
        ));
    }
    if let Some(witness) = witness {
        text.push_str(&format!("\nwitness: {{ url: \"file://{}\" }}\n", witness.display()));
    }
    let [primary, standbys @ ..] = workspaces else { return text };
    let names: Vec<&str> = standbys.iter().map(|standby| standby.info.name.as_str()).collect();
    text.push_str(&format!(
        "\nfailover_groups:\n  main:\n    primary: {}\n    standbys: [{}]\n    tier: 1\n    workspace_sets:\n      - name: prod\n",
        primary.info.name,
        names.join(", ")
    ));
    text.push_str(&mappings(workspaces));
    text + "    schedule: 5m\n    share: { primary: 100% }     # nobody else needs the API of this one\n"
}

fn mappings(workspaces: &[ServedWorkspace]) -> String {
    let row = |value: &dyn Fn(&ServedWorkspace) -> String| {
        let cells: Vec<String> = workspaces
            .iter()
            .map(|workspace| format!("{}: {}", workspace.info.name, value(workspace)))
            .collect();
        format!("        - {{ {} }}\n", cells.join(", "))
    };
    let landing = row(&|workspace| format!("\"{}/\"", landing(workspace, workspaces)));
    let mut text = format!(
        "    location_mappings:\n{}    mappings:\n      node_types:\n",
        landing.replacen("        -", "      -", 1)
    );
    let is_one_cloud = workspaces.iter().all(|workspace| workspace.info.cloud == workspaces[0].info.cloud);
    if is_one_cloud {
        for [here, there] in WITHIN_AWS {
            text.push_str(&row(&|workspace| {
                let is_primary = workspace.info.name == workspaces[0].info.name;
                (if is_primary { here } else { there }).to_string()
            }));
        }
    } else {
        for twins in TWINS {
            text.push_str(&row(&|workspace| twins[column(workspace.info.cloud)].to_owned()));
        }
    }
    text.push_str("      zones:\n");
    text + &row(&|workspace| zone(workspace.info.cloud, &workspace.info.region))
}

const fn column(cloud: Cloud) -> usize {
    match cloud {
        Cloud::Aws => 0,
        Cloud::Azure => 1,
        Cloud::Gcp => 2,
    }
}

fn zone(cloud: Cloud, region: &str) -> String {
    match cloud {
        Cloud::Aws => format!("{region}a"),
        Cloud::Azure => "\"1\"".to_owned(),
        Cloud::Gcp => format!("{region}-a"),
    }
}

/// The primary's bucket has a twin at each standby.
fn landing(workspace: &ServedWorkspace, workspaces: &[ServedWorkspace]) -> String {
    if workspace.info.name == workspaces[0].info.name {
        LANDING.to_owned()
    } else {
        format!("{LANDING}-{}", workspace.info.name)
    }
}

/// Writes a file that must not be there yet. A file with tokens is its owner's alone.
pub(crate) fn write_new(path: &Path, text: &str) -> anyhow::Result<PathBuf> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let writing = || format!("writing {}", path.display());
    options.open(path).and_then(|mut file| file.write_all(text.as_bytes())).with_context(writing)?;
    Ok(std::path::absolute(path)?)
}
