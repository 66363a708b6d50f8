//! Profiles and the environment: which one counts, and how every mistake is named.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use twinlake_base::Env;
use twinlake_databricks::{Error, Profile, ProfileMistake, Profiles};

const FILE: &str = "\
[DEFAULT]
host = https://default.example
token = dapi-default

[prod-east]
host  = https://east.example/
token = dapi-east
account_id = acc

[prod-west]
host: west.example/?o=42
token: dapi-west
";

fn home(text: &str) -> TempDir {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join(".databrickscfg"), text).unwrap();
    home
}

fn env(home: &Path, more: &[(&str, &str)]) -> Env {
    let home = ("HOME", home.to_str().unwrap());
    Env::of(std::iter::once(home).chain(more.iter().copied()))
}

fn load(text: &str, name: Option<&str>, more: &[(&str, &str)]) -> Result<Profile, ProfileMistake> {
    let home = home(text);
    Profile::load(name, &env(home.path(), more))
}

fn token(profile: &Profile) -> &str {
    profile.token.expose()
}

#[test]
fn a_named_profile_is_what_the_file_says_whatever_the_environment_holds() {
    let more = [("DATABRICKS_HOST", "https://other.example"), ("DATABRICKS_TOKEN", "dapi-other")];
    let east = load(FILE, Some("prod-east"), &more).unwrap();
    assert_eq!((east.host.origin(), token(&east)), ("https://east.example", "dapi-east"));
    assert_eq!(east.account_id.as_deref(), Some("acc"));
    let west = load(FILE, Some("prod-west"), &more).unwrap();
    assert_eq!((west.host.origin(), west.workspace_id.as_deref()), ("https://west.example", Some("42")));
}

#[test]
fn without_a_name_the_environment_comes_first_and_then_the_default_profile() {
    let more = [("DATABRICKS_HOST", "https://other.example"), ("DATABRICKS_TOKEN", "dapi-other")];
    let profile = load(FILE, None, &more).unwrap();
    assert_eq!(
        (profile.host.origin(), token(&profile), profile.name.as_deref()),
        ("https://other.example", "dapi-other", None)
    );
    assert_eq!(token(&load(FILE, None, &[]).unwrap()), "dapi-default");
    let with_setting = format!("[__settings__]\ndefault_profile = prod-east\n{FILE}");
    assert_eq!(token(&load(&with_setting, None, &[]).unwrap()), "dapi-east");
}

#[test]
fn a_profile_that_the_environment_names_fills_what_the_environment_leaves_open() {
    let more = [("DATABRICKS_CONFIG_PROFILE", "prod-east"), ("DATABRICKS_TOKEN", "dapi-other")];
    let profile = load(FILE, None, &more).unwrap();
    assert_eq!((profile.host.origin(), token(&profile)), ("https://east.example", "dapi-other"));
}

#[test]
fn the_file_can_be_elsewhere() {
    let home = home("");
    fs::write(home.path().join("other.cfg"), FILE).unwrap();
    let tilde = env(home.path(), &[("DATABRICKS_CONFIG_FILE", "~/other.cfg")]);
    assert_eq!(token(&Profile::load(Some("prod-east"), &tilde).unwrap()), "dapi-east");
    let absolute = home.path().join("other.cfg");
    let absolute = Env::of([("DATABRICKS_CONFIG_FILE", absolute.to_str().unwrap())]);
    let profiles = Profiles::open(&absolute).unwrap();
    assert_eq!(profiles.names().collect::<Vec<_>>(), ["DEFAULT", "prod-east", "prod-west"]);
}

#[test]
fn every_mistake_names_the_place_the_key_and_the_next_command() {
    type Case<'a> = (&'a str, &'a str, Option<&'a str>, &'a str, &'a str);
    let cases: &[Case<'_>] = &[
        (FILE, "prod-esat", None, "did you mean [prod-east]", "databricks configure --profile prod-esat"),
        (FILE, "nowhere", None, "no profile [nowhere]", "databricks configure --profile nowhere"),
        (FILE, "__settings__", None, "not a profile", "databricks configure"),
        ("[a]\ntoken = x\n", "a", Some("host"), "`host` is missing", "databricks configure --profile a"),
        (
            "[a]\nhost = h.example\ntokn = x\n",
            "a",
            Some("token"),
            "is `tokn` a slip",
            "databricks configure --profile a",
        ),
        (
            "[a]\nhost = http://h.example\ntoken = x\n",
            "a",
            Some("host"),
            "must use https",
            "databricks configure",
        ),
        ("[a]\nhost = h.example\ntoken = x y\n", "a", Some("token"), "no token has", "databricks configure"),
        (
            "[a]\nhost = h.example\nclient_id = i\nclient_secret = s\n",
            "a",
            Some("client_id"),
            "not supported yet",
            "personal access token",
        ),
        (
            "[a]\nhost = h.example\nauth_type = azure-cli\n",
            "a",
            Some("auth_type"),
            "azure-cli, which is not supported yet",
            "personal access token",
        ),
        (
            "[a]\nhost = h.example\ntoken = x\nclient_id = i\n",
            "a",
            Some("client_id"),
            "more than one way",
            "auth_type = pat",
        ),
        ("[a]\nbroken\n", "a", None, "line 2", "databricks auth profiles"),
    ];
    for (text, name, key, problem, next) in cases {
        let home = home(text);
        let mistake = Profile::load(Some(name), &env(home.path(), &[])).unwrap_err();
        assert!(mistake.place.contains(".databrickscfg"), "{mistake}");
        assert_eq!(mistake.key.as_deref(), *key, "{mistake}");
        assert!(mistake.problem.contains(problem), "{mistake}");
        assert!(mistake.next.contains(next), "{}", mistake.next);
        let error = Error::from(mistake.clone());
        assert_eq!(error.hint(), Some(mistake.next));
    }
}

#[test]
fn a_choice_of_pat_settles_several_ways() {
    let text = "[a]\nhost = h.example\ntoken = x\nclient_id = i\nauth_type = pat\n";
    assert_eq!(token(&load(text, Some("a"), &[]).unwrap()), "x");
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    let home = TempDir::new().unwrap();
    let mistake =
        Profile::load(None, &env(home.path(), &[("DATABRICKS_HOST", "https://h.example")])).unwrap_err();
    assert_eq!((mistake.place.as_str(), mistake.key.as_deref()), ("environment", Some("token")));
    assert!(mistake.problem.contains("DATABRICKS_TOKEN") && mistake.next.contains("export DATABRICKS_TOKEN"));
    let mistake = Profile::load(None, &env(home.path(), &[])).unwrap_err();
    assert!(mistake.problem.contains("no such file") && mistake.place.contains(".databrickscfg"));
    let mistake = Profile::load(Some("prod-east"), &env(home.path(), &[])).unwrap_err();
    assert!(
        mistake.place.ends_with(".databrickscfg [prod-east]")
            && mistake.next.ends_with("--profile prod-east")
    );
    let mistake = Profile::load(None, &Env::default()).unwrap_err();
    assert!(mistake.problem.contains("HOME"));
}

#[test]
fn no_profile_shows_its_token() {
    let profile = load(FILE, Some("prod-east"), &[]).unwrap();
    assert!(!format!("{profile:?}").contains("dapi"));
    let home = home("[a]\nhost = h.example\ntoken = dapi secret\n");
    let mistake = Profile::load(Some("a"), &env(home.path(), &[])).unwrap_err();
    assert!(!format!("{mistake} {mistake:?}").contains("secret"));
}
