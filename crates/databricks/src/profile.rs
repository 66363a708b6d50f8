//! Where a host is and how to sign in: `.databrickscfg` profiles and `DATABRICKS_*` variables.
//!
//! The order is that of Databricks' unified authentication:
//!
//! - A profile that is asked for **by name** is read from the file (`DATABRICKS_CONFIG_FILE`, else `~/.databrickscfg`).
//! - **Without a name** the environment comes first. If it names a profile (`DATABRICKS_CONFIG_PROFILE`), that one fills
//!   what the environment leaves open. If it has a host or credentials of its own, the file is not read. Otherwise
//!   the file's default profile counts: `default_profile` in `[__settings__]`, else `[DEFAULT]`.
//!
//! One deliberate difference: the SDKs let the environment override even a profile that was asked for by name. Here two
//! sites are told apart by their profiles' names alone, and one variable would silently turn both into the same
//! workspace. So a named profile is what the file says.
//!
//! Personal access tokens work. The other ways to sign in are recognised and refused by name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use twinlake_base::{Env, Secret};

use crate::host::Host;
use crate::ini;

const SETTINGS: &str = "__settings__";
const DEFAULT: &str = "DEFAULT";

/// Keys that we read, with the variable that stands for each.
const READ: &[(&str, &str)] = &[
    ("host", "DATABRICKS_HOST"),
    ("token", "DATABRICKS_TOKEN"),
    ("workspace_id", "DATABRICKS_WORKSPACE_ID"),
    ("account_id", "DATABRICKS_ACCOUNT_ID"),
    ("auth_type", "DATABRICKS_AUTH_TYPE"),
];

/// Keys that belong to other ways to sign in: key, variable, way.
const OTHER_WAYS: &[(&str, &str, &str)] = &[
    ("client_id", "DATABRICKS_CLIENT_ID", "oauth"),
    ("client_secret", "DATABRICKS_CLIENT_SECRET", "oauth"),
    ("username", "DATABRICKS_USERNAME", "basic"),
    ("password", "DATABRICKS_PASSWORD", "basic"),
    ("oidc_token_env", "DATABRICKS_OIDC_TOKEN_ENV", "env-oidc"),
    ("oidc_token_filepath", "DATABRICKS_OIDC_TOKEN_FILEPATH", "file-oidc"),
    ("oidc_token_filepath", "DATABRICKS_OIDC_TOKEN_FILE", "file-oidc"),
    ("google_service_account", "DATABRICKS_GOOGLE_SERVICE_ACCOUNT", "google"),
    ("google_credentials", "GOOGLE_CREDENTIALS", "google"),
    ("azure_workspace_resource_id", "DATABRICKS_AZURE_RESOURCE_ID", "azure"),
    ("azure_use_msi", "ARM_USE_MSI", "azure"),
    ("azure_client_id", "ARM_CLIENT_ID", "azure"),
    ("azure_client_secret", "ARM_CLIENT_SECRET", "azure"),
    ("azure_tenant_id", "ARM_TENANT_ID", "azure"),
    ("metadata_service_url", "DATABRICKS_METADATA_SERVICE_URL", "metadata-service"),
];

/// How to reach one host.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The profile's name; `None` when it all came from the environment.
    pub name: Option<String>,
    /// The host.
    pub host: Host,
    /// The personal access token.
    pub token: Secret<String>,
    /// The workspace, for hosts that serve several.
    pub workspace_id: Option<String>,
    /// The account.
    pub account_id: Option<String>,
}

/// What is wrong with a profile or the environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ProfileMistake {
    /// Where: the file and the profile, or the environment.
    pub place: String,
    /// The key that is wrong or missing, if it is about one.
    pub key: Option<String>,
    /// What is wrong, in words; never a secret.
    pub problem: String,
    /// The next command to run.
    pub next: String,
}

/// The profiles that a machine has.
#[derive(Clone, Debug)]
pub struct Profiles {
    file: PathBuf,
    sections: Vec<(String, BTreeMap<String, String>)>,
    default: Option<String>,
}

impl Profile {
    /// Reads the profile of that name; without a name, what the environment and the file's default profile say.
    ///
    /// # Errors
    /// [`ProfileMistake`], which names the file, the profile, the key and the next command.
    pub fn load(name: Option<&str>, env: &Env) -> Result<Self, ProfileMistake> {
        if let Some(name) = name {
            let named = |mistake: ProfileMistake| ProfileMistake {
                place: format!("{} [{name}]", mistake.place),
                next: mistake.next.replace("<name>", name),
                ..mistake
            };
            return Profiles::open(env).map_err(named)?.get(name);
        }
        let mut keys = from_env(env);
        let signs_in = |key: &str| key == "token" || OTHER_WAYS.iter().any(|(other, ..)| *other == key);
        let is_complete = keys.keys().any(|key| key == "host" || signs_in(key));
        let asked = env.get("DATABRICKS_CONFIG_PROFILE");
        if asked.is_none() && is_complete {
            return read(None, &keys, &Place::Environment);
        }
        let profiles = Profiles::open(env)?;
        let Some(name) = asked.or(profiles.default.as_deref()) else {
            return Err(ProfileMistake {
                place: profiles.file.display().to_string(),
                key: None,
                problem: format!(
                    "no profile was named, and neither [{DEFAULT}] nor DATABRICKS_HOST is there"
                ),
                next: configure(DEFAULT),
            });
        };
        let place = Place::File { file: &profiles.file, profile: name };
        for (key, value) in profiles.section(name)? {
            keys.entry(key.clone()).or_insert_with(|| value.clone());
        }
        read(Some(name), &keys, &place)
    }
}

impl Profiles {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ProfileMistake`] when it is not there or cannot be read; the line is named, its text is not repeated.
    pub fn open(env: &Env) -> Result<Self, ProfileMistake> {
        let file = file(env)?;
        let mistake = |problem: String, next: String| ProfileMistake {
            place: file.display().to_string(),
            key: None,
            problem,
            next,
        };
        let text = std::fs::read_to_string(&file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => mistake("there is no such file".to_owned(), configure("<name>")),
            _ => mistake(format!("cannot be read: {error}"), format!("ls -l {}", file.display())),
        })?;
        let mut sections = ini::parse(&text).map_err(|unreadable| {
            mistake(
                format!("line {}: {}", unreadable.line, unreadable.problem),
                "databricks auth profiles".to_owned(),
            )
        })?;
        let settings =
            sections.iter().position(|(name, _)| name == SETTINGS).map(|index| sections.remove(index));
        let named =
            settings.and_then(|(_, mut keys)| keys.remove("default_profile")).filter(|name| !name.is_empty());
        let fallback = || sections.iter().any(|(name, keys)| name == DEFAULT && !keys.is_empty());
        let default = named.or_else(|| fallback().then(|| DEFAULT.to_owned()));
        Ok(Self { file, sections, default })
    }

    /// The file they were read from.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Their names, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|(name, _)| name.as_str())
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`ProfileMistake`] when it is not there, incomplete, or signs in another way.
    pub fn get(&self, name: &str) -> Result<Profile, ProfileMistake> {
        read(Some(name), self.section(name)?, &Place::File { file: &self.file, profile: name })
    }

    fn section(&self, name: &str) -> Result<&BTreeMap<String, String>, ProfileMistake> {
        if let Some((_, keys)) = self.sections.iter().find(|(known, _)| known == name) {
            return Ok(keys);
        }
        let problem = match closest(name, self.names()) {
            _ if name == SETTINGS => format!("[{SETTINGS}] holds settings and is not a profile"),
            Some(known) => format!("there is no profile [{name}]; did you mean [{known}]?"),
            None => format!("there is no profile [{name}]"),
        };
        Err(ProfileMistake {
            place: self.file.display().to_string(),
            key: None,
            problem,
            next: configure(name),
        })
    }
}

fn configure(profile: &str) -> String {
    format!("databricks configure --profile {profile}")
}

fn file(env: &Env) -> Result<PathBuf, ProfileMistake> {
    let named = env.get("DATABRICKS_CONFIG_FILE").unwrap_or("~/.databrickscfg");
    let Some(below_home) = named.strip_prefix("~/") else { return Ok(PathBuf::from(named)) };
    env.home().map(|home| home.join(below_home)).ok_or_else(|| ProfileMistake {
        place: named.to_owned(),
        key: None,
        problem: "the home folder is not known: HOME is not set".to_owned(),
        next: "export DATABRICKS_CONFIG_FILE=<path>".to_owned(),
    })
}

fn from_env(env: &Env) -> BTreeMap<String, String> {
    let read = READ.iter().map(|(key, variable)| (*key, *variable));
    let other = OTHER_WAYS.iter().map(|(key, variable, _)| (*key, *variable));
    read.chain(other)
        .filter_map(|(key, variable)| Some((key.to_owned(), env.get(variable)?.to_owned())))
        .collect()
}

/// Where keys come from, for messages.
enum Place<'a> {
    Environment,
    File { file: &'a Path, profile: &'a str },
}

impl Place<'_> {
    fn key(&self, key: &str) -> String {
        match self {
            Self::Environment => variable(key).unwrap_or(key).to_owned(),
            Self::File { .. } => format!("`{key}`"),
        }
    }

    fn next(&self, key: &str) -> String {
        match self {
            Self::Environment => format!("export {}=…", variable(key).unwrap_or(key)),
            Self::File { profile, .. } => configure(profile),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::File { file, profile } => write!(f, "{} [{profile}]", file.display()),
        }
    }
}

fn variable(key: &str) -> Option<&'static str> {
    let read = READ.iter().map(|(key, variable)| (*key, *variable));
    let other = OTHER_WAYS.iter().map(|(key, variable, _)| (*key, *variable));
    read.chain(other).find(|(known, _)| *known == key).map(|(_, variable)| variable)
}

fn read(
    name: Option<&str>,
    keys: &BTreeMap<String, String>,
    place: &Place<'_>,
) -> Result<Profile, ProfileMistake> {
    let get = |key: &str| keys.get(key).map(String::as_str).filter(|value| !value.is_empty());
    let mistake = |key: &str, problem: String, next: String| ProfileMistake {
        place: place.to_string(),
        key: Some(key.to_owned()),
        problem,
        next,
    };
    check_way(&get, place, &mistake)?;
    let missing = |key: &str| {
        let near = closest(key, keys.keys().map(String::as_str).filter(|known| variable(known).is_none()));
        let near = near.map(|near| format!("; is `{near}` a slip of the pen?")).unwrap_or_default();
        mistake(key, format!("{} is missing{near}", place.key(key)), place.next(key))
    };
    let host = get("host").ok_or_else(|| missing("host"))?;
    let (host, from_host) = Host::parse_with_workspace(host).map_err(|problem| {
        mistake("host", format!("{}: {problem}", place.key("host")), place.next("host"))
    })?;
    let token = get("token").ok_or_else(|| missing("token"))?;
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let problem = format!("{} has characters that no token has", place.key("token"));
        return Err(mistake("token", problem, place.next("token")));
    }
    Ok(Profile {
        name: name.map(str::to_owned),
        host,
        token: Secret::new(token.to_owned()),
        workspace_id: get("workspace_id").map(str::to_owned).or(from_host),
        account_id: get("account_id").map(str::to_owned),
    })
}

/// Refuses what signs in by anything but a personal access token.
fn check_way<'k>(
    get: &dyn Fn(&str) -> Option<&'k str>,
    place: &Place<'_>,
    mistake: &dyn Fn(&str, String, String) -> ProfileMistake,
) -> Result<(), ProfileMistake> {
    let not_yet = |key: &str, way: &str| {
        let problem = format!("{} asks for signing in by {way}, which is not supported yet", place.key(key));
        let next = match place {
            Place::Environment => "export DATABRICKS_TOKEN=…   # a personal access token".to_owned(),
            Place::File { profile, .. } => {
                format!("databricks configure --profile {profile}   # with a personal access token")
            }
        };
        mistake(key, problem, next)
    };
    match get("auth_type") {
        Some("pat") => return Ok(()),
        Some(way) => return Err(not_yet("auth_type", way)),
        None => {}
    }
    let other = OTHER_WAYS.iter().find(|(key, ..)| get(key).is_some());
    match (other, get("token")) {
        (None, _) => Ok(()),
        (Some((key, _, way)), None) => Err(not_yet(key, way)),
        // The SDKs refuse this, too: whose rights would we have?
        (Some((key, _, way)), Some(_)) => Err(mistake(
            key,
            format!(
                "more than one way to sign in: {} (pat) and {} ({way})",
                place.key("token"),
                place.key(key)
            ),
            match place {
                Place::Environment => "export DATABRICKS_AUTH_TYPE=pat".to_owned(),
                Place::File { file, .. } => {
                    format!("add `auth_type = pat` to the profile in {}", file.display())
                }
            },
        )),
    }
}

/// The candidate that differs in at most two letters, if there is one.
fn closest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let near = candidates.map(|candidate| (distance(word, candidate), candidate));
    near.filter(|(distance, _)| *distance <= 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be added, dropped or replaced (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
