//! What a write carries, and its bytes on the wire.

use std::fmt;

use bytes::Bytes;
use serde_json::Value;
use twinlake_base::Entropy;

use crate::Error;

/// What a write carries.
#[derive(Clone, PartialEq)]
pub enum Body {
    /// Nothing.
    Empty,
    /// A JSON document.
    Json(Value),
    /// Bytes as they are.
    Bytes {
        /// Their media type.
        content_type: String,
        /// The bytes.
        bytes: Bytes,
    },
    /// A form of several parts (`multipart/form-data`), as `workspace/import` takes for large content.
    Multipart(Vec<Part>),
}

/// One part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// The file's name, if the part is a file.
    pub file_name: Option<String>,
    /// The bytes.
    pub bytes: Bytes,
}

/// How much it is, and not what it says: settings may hold passwords.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Json(value) => write!(f, "Json({} bytes)", value.to_string().len()),
            Self::Bytes { content_type, bytes } => write!(f, "Bytes({content_type}, {} bytes)", bytes.len()),
            Self::Multipart(parts) => write!(f, "Multipart({} parts)", parts.len()),
        }
    }
}

impl Body {
    /// The media type and the bytes.
    pub(crate) fn encode(&self, entropy: &Entropy, request: &str) -> Result<(Option<String>, Bytes), Error> {
        match self {
            Self::Empty => Ok((None, Bytes::new())),
            Self::Json(value) => {
                let unsendable = |error: serde_json::Error| Error::Unsendable {
                    request: request.to_owned(),
                    reason: error.to_string(),
                };
                let bytes = serde_json::to_vec(value).map_err(unsendable)?;
                Ok((Some("application/json".to_owned()), bytes.into()))
            }
            Self::Bytes { content_type, bytes } => Ok((Some(content_type.clone()), bytes.clone())),
            Self::Multipart(parts) => Ok(multipart(parts, &entropy.hex(32))),
        }
    }
}

fn multipart(parts: &[Part], boundary: &str) -> (Option<String>, Bytes) {
    // As browsers do (HTML standard, multipart/form-data): quotes and line breaks are percent-encoded.
    let quoted = |text: &str| text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&part.name))
                .as_bytes(),
        );
        if let Some(file_name) = &part.file_name {
            let file =
                format!("; filename=\"{}\"\r\nContent-Type: application/octet-stream", quoted(file_name));
            body.extend_from_slice(file.as_bytes());
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(&part.bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (Some(format!("multipart/form-data; boundary={boundary}")), body.into())
}
