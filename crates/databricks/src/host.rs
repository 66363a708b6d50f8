//! Where a workspace or account is reached, in one spelling.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// A host's origin (`https://adb-1.azuredatabricks.net`), in lower case, without path and default port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host {
    origin: String,
    authority: String,
    loopback: bool,
}

impl Host {
    /// Reads what people put into profiles: with or without scheme, with a slash at the end.
    ///
    /// # Errors
    /// A sentence about what is wrong. Anything but https is refused, except for loopback addresses, because the
    /// token would travel in the clear.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (host, rest) = split(text)?;
        if rest.is_empty() { Ok(host) } else { Err(format!("`{rest}` is more than the host: leave it out")) }
    }

    /// As [`Host::parse`], and also accepts the address from a browser's bar when all it adds is the workspace
    /// (`?o=123`, `?w=123`), whose id it returns.
    ///
    /// # Errors
    /// As [`Host::parse`].
    pub fn parse_with_workspace(text: &str) -> Result<(Self, Option<String>), String> {
        let (host, rest) = split(text)?;
        if rest.is_empty() {
            return Ok((host, None));
        }
        let workspace = rest.strip_prefix("?o=").or_else(|| rest.strip_prefix("?w="));
        match workspace {
            Some(id) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok((host, Some(id.to_owned())))
            }
            _ => Err(format!("`{rest}` is more than the host: leave it out")),
        }
    }

    /// `https://name[:port]`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `name[:port]`, for people.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether it is on this machine.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

fn split(text: &str) -> Result<(Host, String), String> {
    let text = text.trim();
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    // A fragment is never sent, and `Uri` drops it silently; a browser's `#…` must not pass for a host.
    let uri: Uri = with_scheme.parse().map_err(|error| format!("`{text}` is not a host: {error}"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(format!("`{text}` is not a host"));
    };
    if authority.as_str().contains('@') {
        return Err("a user or password does not belong into the host".to_owned());
    }
    let name = authority.host().to_ascii_lowercase();
    let loopback = is_loopback(&name);
    match scheme {
        "https" => {}
        "http" if loopback => {}
        "http" => return Err(format!("`{text}` must use https: the token would travel in the clear")),
        other => return Err(format!("`{other}` is not a scheme that Databricks is reached by: use https")),
    }
    let default_port = if scheme == "https" { 443 } else { 80 };
    let authority = match authority.port_u16() {
        Some(port) if port != default_port => format!("{name}:{port}"),
        _ => name,
    };
    let host = Host { origin: format!("{scheme}://{authority}"), authority, loopback };
    let path = uri.path().trim_end_matches('/');
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Ok((host, format!("{path}{query}")))
}

fn is_loopback(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> String {
        Host::parse(text).unwrap().origin
    }

    #[test]
    fn one_host_has_one_spelling() {
        for text in [
            "adb-1.azuredatabricks.net",
            "https://ADB-1.azuredatabricks.net/",
            " https://adb-1.azuredatabricks.net:443 ",
        ] {
            assert_eq!(origin(text), "https://adb-1.azuredatabricks.net");
        }
        assert_eq!(origin("http://127.0.0.1:8080/"), "http://127.0.0.1:8080");
        assert_eq!(origin("http://[::1]:8080"), "http://[::1]:8080");
    }

    #[test]
    fn a_token_never_travels_in_the_clear_but_on_this_machine() {
        assert!(Host::parse("http://adb-1.azuredatabricks.net").unwrap_err().contains("https"));
        assert!(Host::parse("http://10.0.0.1").is_err());
        assert!(Host::parse("http://localhost.evil.example").is_err());
        assert!(Host::parse("http://localhost:1").is_ok());
    }

    #[test]
    fn a_browsers_address_gives_its_workspace() {
        let (host, workspace) = Host::parse_with_workspace("https://acme.databricks.com/?o=42").unwrap();
        assert_eq!((host.origin(), workspace.as_deref()), ("https://acme.databricks.com", Some("42")));
        assert!(Host::parse_with_workspace("https://acme.databricks.com/jobs?o=42").is_err());
    }

    #[test]
    fn what_is_not_a_host_is_said_so() {
        for text in ["", "ftp://a", "https://user:secret@a", "https://a/b", "a b"] {
            assert!(Host::parse(text).is_err(), "{text}");
        }
    }
}
