//! HTTP/1.1 to a loopback port, by hand: for the control of a simulation, and for reading a workspace by another code path
//! than the product's own. One request per connection, no TLS, no retries, no redirects.

use std::fmt;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct PlainAnswer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// A port of this machine that speaks HTTP.
#[derive(Clone)]
pub(crate) struct PlainHttp {
    authority: String,
    token: Option<String>,
}

impl fmt::Debug for PlainHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlainHttp({})", self.authority)
    }
}

impl PlainHttp {
    /// The port that a URL names.
    pub(crate) fn new(url: &str, token: Option<&str>) -> anyhow::Result<Self> {
        let authority = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        match authority.filter(|authority| !authority.contains('/')) {
            Some(authority) => Ok(Self { authority: authority.to_owned(), token: token.map(str::to_owned) }),
            None => bail!("{url} is not the URL of a simulation, such as http://127.0.0.1:8080"),
        }
    }

    /// Reads a JSON document. Anything but a 200 is an error.
    pub(crate) async fn get(&self, target: &str) -> anyhow::Result<Value> {
        self.json("GET", target, None).await
    }

    /// Sends a JSON document and reads one. Anything but a 200 is an error.
    pub(crate) async fn post(&self, target: &str, body: &Value) -> anyhow::Result<Value> {
        self.json("POST", target, Some(body)).await
    }

    /// Sends a request and reads a JSON document.
    pub(crate) async fn json(
        &self,
        method: &str,
        target: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let answer = self.send(method, target, body).await?;
        let text = String::from_utf8_lossy(&answer.body);
        if answer.status != 200 {
            bail!(
                "{method} {target} on {} was answered with {}: {}",
                self.authority,
                answer.status,
                message(&text)
            );
        }
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{method} {target} on {}", self.authority))
    }

    /// Sends a request.
    pub(crate) async fn send(
        &self,
        method: &str,
        target: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<PlainAnswer> {
        let doing = || format!("{method} {target} on {}", self.authority);
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut request =
            format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.authority);
        if let Some(token) = &self.token {
            request.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if !body.is_empty() {
            request.push_str("Content-Type: application/json\r\n");
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(&self.authority).await.with_context(doing)?;
        stream.write_all(request.as_bytes()).await.with_context(doing)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.with_context(doing)?;
        parse(&answer).with_context(doing)
    }
}

/// What an error document says.
fn message(text: &str) -> String {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let said = ["message", "error", "detail"].iter().find_map(|field| document[*field].as_str());
    said.map_or_else(|| text.chars().take(200).collect(), str::to_owned)
}

/// A name or value in a query.
pub(crate) fn query_escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn parse(answer: &[u8]) -> anyhow::Result<PlainAnswer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("the answer broke off")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let header = |name: &str| {
        let mut fields = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        fields
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_ascii_lowercase())
    };
    let body = &answer[end + 4..];
    let body = if header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        unchunk(body)?
    } else {
        match header("content-length").and_then(|length| length.parse::<usize>().ok()) {
            Some(length) if body.len() < length => bail!("the answer broke off"),
            Some(length) => body[..length].to_vec(),
            None => body.to_vec(),
        }
    };
    Ok(PlainAnswer { status: status.context("not an HTTP answer")?, body })
}

fn unchunk(mut rest: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").context("the answer broke off")?;
        let size = std::str::from_utf8(&rest[..end])?.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16)?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(rest.get(..size).context("the answer broke off")?);
        rest = rest.get(size + 2..).context("the answer broke off")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let whole = parse(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        assert_eq!((whole.status, whole.body.as_slice()), (200, &b"{}"[..]));
        let chunked =
            parse(b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n")
                .unwrap();
        assert_eq!((chunked.status, chunked.body.as_slice()), (404, &b"abcd"[..]));
        assert!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\n").is_err());
        assert_eq!(query_escaped("/a b&c"), "/a%20b%26c");
    }
}
