//! `init`: a first config, from two profiles. Never overwrites.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use twinlake_base::Env;
use twinlake_config::Cloud;
use twinlake_config::example::{Draft, DraftSite, render};
use twinlake_databricks::Profiles;

use crate::ControllerError;

/// What a first config is made from.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The file to write.
    pub path: PathBuf,
    /// The profile of the workspace where production runs.
    pub primary: String,
    /// The profile of the workspace that stands by.
    pub standby: String,
    /// The estate's name.
    pub estate: String,
    /// The failover group's name.
    pub group: String,
    /// The region of the primary, as its cloud calls it.
    pub primary_region: Option<String>,
    /// The region of the standby.
    pub standby_region: Option<String>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Initialized {
    /// The file.
    pub path: PathBuf,
    /// The site where production runs.
    pub primary: String,
    /// The site that stands by.
    pub standby: String,
}

/// The profiles that the machine has.
///
/// # Errors
/// When their file is not there or cannot be read.
pub fn profiles(env: &Env) -> Result<Vec<String>, ControllerError> {
    let profiles = Profiles::open(env).map_err(twinlake_databricks::Error::from)?;
    Ok(profiles.names().map(str::to_owned).collect())
}

/// Writes a first config.
///
/// # Errors
/// When the file exists, a profile does not, or both are the same.
pub fn init(options: &InitOptions, env: &Env) -> Result<Initialized, ControllerError> {
    let InitOptions { path, primary, standby, .. } = options;
    let refuse = |why: &str| ControllerError::Init { path: path.clone(), why: why.to_owned() };
    if path.exists() {
        return Err(refuse("is there already, and nothing of it was changed"));
    }
    if primary == standby {
        return Err(refuse("the primary and the standby are the same profile"));
    }
    let profiles = Profiles::open(env).map_err(twinlake_databricks::Error::from)?;
    let (from, to) = sites(primary, standby);
    let site = |site: &str, profile: &str, region: &Option<String>| {
        let found = profiles.get(profile).map_err(twinlake_databricks::Error::from)?;
        Ok::<_, ControllerError>(DraftSite {
            site: site.to_owned(),
            cloud: Cloud::of_host(found.host.authority()),
            region: region.clone(),
            profile: profile.to_owned(),
        })
    };
    let draft = Draft {
        estate: options.estate.clone(),
        group: options.group.clone(),
        primary: site(&from, primary, &options.primary_region)?,
        standby: site(&to, standby, &options.standby_region)?,
        witness: None,
    };
    write_new(path, &render(&draft))?;
    Ok(Initialized { path: path.clone(), primary: from, standby: to })
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str) -> Result<(), ControllerError> {
    let io = |source| ControllerError::Io { doing: "writing", path: path.to_owned(), source };
    let mut file = std::fs::File::create_new(path).map_err(io)?;
    file.write_all(text.as_bytes()).map_err(io)
}

/// Names for the sites of two profiles: what tells them apart. `prod-east` and `prod-west` give `east` and `west`.
fn sites(primary: &str, standby: &str) -> (String, String) {
    let parts = |profile: &str| -> Vec<String> {
        profile
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|part| !part.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let (one, other) = (parts(primary), parts(standby));
    let own = |mine: &[String], theirs: &[String]| {
        let own: Vec<&str> = mine.iter().filter(|part| !theirs.contains(part)).map(String::as_str).collect();
        let name = own.join("-");
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name != "in";
        is_name.then_some(name)
    };
    match (own(&one, &other), own(&other, &one)) {
        (Some(one), Some(other)) if one != other => (one, other),
        _ => ("site-a".to_owned(), "site-b".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_called_by_what_tells_their_profiles_apart() {
        let names = |one, other| {
            let (one, other) = sites(one, other);
            format!("{one} {other}")
        };
        assert_eq!(names("prod-east", "prod-west"), "east west");
        assert_eq!(names("acme_eu-north", "acme_eu-south"), "north south");
        assert_eq!(names("PROD", "dr"), "prod dr");
        assert_eq!(names("1", "2"), "site-a site-b");
    }

    #[test]
    fn a_first_config_loads_and_a_second_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let profiles = folder.path().join("cfg");
        let text = "[prod-east]\nhost = https://one.azuredatabricks.net\ntoken = dapi1\n\
                    [prod-west]\nhost = https://two.azuredatabricks.net\ntoken = dapi2\n";
        std::fs::write(&profiles, text).unwrap();
        let env = Env::of([("DATABRICKS_CONFIG_FILE", profiles.to_str().unwrap())]);
        let options = InitOptions {
            path: folder.path().join("twinlake.yml"),
            primary: "prod-east".into(),
            standby: "prod-west".into(),
            estate: "acme".into(),
            group: "main".into(),
            primary_region: None,
            standby_region: None,
        };
        init(&options, &env).unwrap();
        let load = twinlake_config::LoadOptions { env: env.clone(), ..Default::default() };
        let config = twinlake_config::load(&options.path, &load).unwrap();
        assert_eq!(config.sites[&"east".into()].cloud, Cloud::Azure);
        let again = init(&options, &env).unwrap_err().to_string();
        assert!(again.contains("is there already"), "{again}");
        let unknown = InitOptions { primary: "nope".into(), path: folder.path().join("b.yml"), ..options };
        assert!(init(&unknown, &env).unwrap_err().to_string().contains("there is no profile [nope]"));
    }
}
