//! Import and export of what lies in the workspace tree.
//!
//! API: <https://docs.databricks.com/api/workspace/workspace/import>. The trap of the format AUTO lives here: a file
//! that begins like a notebook's source, or is called `.ipynb`, becomes a notebook and loses its extension.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::json;

use crate::archive;
use crate::call::{Body, Call, Outcome, Reply};
use crate::notebook::{Language, Notebook};
use crate::refusal::Refusal;
use crate::services::tree::{self, What, make_folders, normalized, put, split};
use crate::stage::Stage;

/// The largest file that `workspace-files/import-file` takes.
const MAX_FILE_BYTES: usize = 500 * 1024 * 1024;

/// What an import is about to write, at a path: the extension may be gone.
type Item = (String, What);

pub(crate) fn import(call: &mut Call<'_, '_>) -> Outcome {
    let path = normalized(&call.need("path")?)?;
    let overwrite = call.flag("overwrite");
    let format = call.text("format").unwrap_or_else(|| "SOURCE".to_owned());
    let language = match call.text("language") {
        None => None,
        Some(name) => Some(
            Language::parse(&name)
                .ok_or_else(|| Refusal::bad_field("language", format!("Unknown language {name}")))?,
        ),
    };
    let content = match &call.request.body {
        Body::Form(fields) => fields.get("content").cloned().unwrap_or_default(),
        _ => {
            let text = call.text("content").unwrap_or_default();
            let decoded = STANDARD
                .decode(text)
                .map_err(|_| Refusal::bad_field("content", "content is not valid base64"))?;
            Bytes::from(decoded)
        }
    };
    check_size(call.stage, content.len())?;
    let items = read(&path, &format, language, &content, overwrite)?;
    write(call.stage, &path, items, overwrite)
}

pub(crate) fn import_file(call: &mut Call<'_, '_>) -> Outcome {
    let path = normalized(&format!("/{}", call.need("path")?.trim_start_matches('/')))?;
    let content = match &call.request.body {
        Body::Raw(bytes) => bytes.clone(),
        Body::Json(value) => Bytes::from(value.to_string()),
        Body::Form(_) | Body::Empty => Bytes::new(),
    };
    if content.len() > MAX_FILE_BYTES {
        return Err(Refusal::bad_request("MAX_FILE_SIZE_EXCEEDED", "The file is larger than 500 MB"));
    }
    let items = read(&path, "AUTO", None, &content, false)?;
    write(call.stage, &path, items, call.flag("overwrite"))
}

fn check_size(stage: &Stage<'_>, length: usize) -> Result<(), Refusal> {
    let most = stage.settings.max_notebook_bytes;
    if length > most {
        let message = format!("content size ({length}) exceeded the limit ({most})");
        return Err(Refusal::bad_request("MAX_NOTEBOOK_SIZE_EXCEEDED", message));
    }
    Ok(())
}

fn write(stage: &mut Stage<'_>, target: &str, items: Vec<Item>, overwrite: bool) -> Outcome {
    let is_folder = items.iter().any(|(path, _)| path.len() > target.len());
    if is_folder && stage.ws.tree.get(target).is_some() {
        return Err(Refusal::exists(format!("Path ({target}) already exists.")));
    }
    for (path, what) in items {
        if is_folder && let Some((parent, _)) = split(&path) {
            make_folders(stage, parent)?;
        }
        put(stage, &path, what, overwrite)?;
    }
    Ok(Reply::empty())
}

/// Reads content in a format.
fn read(
    path: &str,
    format: &str,
    language: Option<Language>,
    content: &Bytes,
    overwrite: bool,
) -> Result<Vec<Item>, Refusal> {
    let one = |what| Ok(vec![(path.to_owned(), what)]);
    let wrong = |why: String| {
        Refusal::bad_request("INVALID_NOTEBOOK_FORMAT", format!("Could not read {path}: {why}"))
    };
    match format {
        "RAW" => one(What::File { content: content.clone() }),
        "AUTO" => Ok(vec![analysed(path, content).map_err(wrong)?]),
        "JUPYTER" => one(What::Notebook(Notebook::from_jupyter(content, language).map_err(wrong)?)),
        "HTML" => one(What::Notebook(Notebook::from_html(&text_of(content)?).map_err(wrong)?)),
        "R_MARKDOWN" => one(What::Notebook(Notebook::from_r_markdown(&text_of(content)?))),
        "SOURCE" => match language {
            Some(language) => one(What::Notebook(Notebook::from_source(&text_of(content)?, language))),
            None if archive::is_archive(content) => sources(path, content).map_err(wrong),
            None => Err(Refusal::bad_field(
                "language",
                "The language must be set to import a single file as SOURCE.",
            )),
        },
        "DBC" if overwrite => {
            Err(Refusal::bad_field("overwrite", "Overwrite is not supported for the DBC format."))
        }
        "DBC" => {
            let members = Notebook::from_dbc(content).map_err(wrong)?;
            if let [(name, notebook)] = members.as_slice()
                && !name.contains('/')
            {
                return one(What::Notebook(notebook.clone()));
            }
            Ok(members
                .into_iter()
                .map(|(name, notebook)| (format!("{path}/{name}"), What::Notebook(notebook)))
                .collect())
        }
        other => Err(Refusal::bad_field("format", format!("Unknown format {other}"))),
    }
}

/// What AUTO makes of a file.
fn analysed(path: &str, content: &Bytes) -> Result<Item, String> {
    let (stem, extension) = split(path)
        .and_then(|(_, name)| name.rsplit_once('.'))
        .map_or((path, ""), |(_, extension)| (&path[..path.len() - extension.len() - 1], extension));
    if extension == "ipynb" {
        return Ok((stem.to_owned(), What::Notebook(Notebook::from_jupyter(content, None)?)));
    }
    if let (Some(language), Ok(text)) = (Language::of_extension(extension), std::str::from_utf8(content))
        && text.lines().next().is_some_and(|line| line.trim_end() == language.header())
    {
        return Ok((stem.to_owned(), What::Notebook(Notebook::from_source(text, language))));
    }
    Ok((path.to_owned(), What::File { content: content.clone() }))
}

/// The notebooks of an archive of sources.
fn sources(path: &str, content: &Bytes) -> Result<Vec<Item>, String> {
    archive::unpack(content)?
        .into_iter()
        .filter_map(|(name, bytes)| {
            let (stem, extension) = name.rsplit_once('.')?;
            let language = Language::of_extension(extension)?;
            let text = String::from_utf8(bytes).map_err(|error| error.to_string());
            Some(text.map(|text| {
                (format!("{path}/{stem}"), What::Notebook(Notebook::from_source(&text, language)))
            }))
        })
        .collect()
}

fn text_of(content: &Bytes) -> Result<String, Refusal> {
    String::from_utf8(content.to_vec()).map_err(|_| Refusal::invalid("The content is not valid UTF-8"))
}

pub(crate) fn export(call: &mut Call<'_, '_>) -> Outcome {
    let path = normalized(&call.need("path")?)?;
    let format = call.text("format").unwrap_or_else(|| "SOURCE".to_owned());
    if !matches!(format.as_str(), "SOURCE" | "HTML" | "JUPYTER" | "DBC" | "R_MARKDOWN" | "AUTO" | "RAW") {
        return Err(Refusal::bad_field("format", format!("Unknown format {format}")));
    }
    let node = call
        .stage
        .ws
        .tree
        .get(&path)
        .ok_or_else(|| Refusal::missing(format!("Path ({path}) doesn't exist.")))?;
    let name = split(&path).map_or("workspace", |(_, name)| name);
    let (bytes, file_type) = match &node.what {
        What::Notebook(notebook) => of_notebook(notebook, name, &format),
        What::File { content } => match format.as_str() {
            "SOURCE" | "AUTO" | "RAW" => {
                (content.clone(), name.rsplit_once('.').map_or("", |(_, extension)| extension).to_owned())
            }
            _ => return Err(Refusal::bad_field("format", format!("A file cannot be exported as {format}"))),
        },
        What::Directory { .. } => of_folder(&call.stage.ws.tree, &path, &format)?,
    };
    check_size(call.stage, bytes.len())?;
    if call.flag("direct_download") {
        let file_name =
            if name.ends_with(&file_type) { name.to_owned() } else { format!("{name}.{file_type}") };
        return Ok(Reply::Raw { bytes, content_type: "application/octet-stream", file_name });
    }
    Ok(Reply::Json(json!({"content": STANDARD.encode(bytes), "file_type": file_type})))
}

fn of_notebook(notebook: &Notebook, name: &str, format: &str) -> (Bytes, String) {
    match format {
        "JUPYTER" => (notebook.to_jupyter(name), "ipynb".to_owned()),
        "HTML" => (notebook.to_html(name), "html".to_owned()),
        "R_MARKDOWN" => (notebook.to_r_markdown(), "Rmd".to_owned()),
        "DBC" => (archive::pack(&[notebook.to_dbc_member(name)]), "dbc".to_owned()),
        _ => (notebook.source.clone(), notebook.language.extension().to_owned()),
    }
}

fn of_folder(tree: &tree::Tree, path: &str, format: &str) -> Result<(Bytes, String), Refusal> {
    let members: Vec<(String, Bytes)> = match format {
        "DBC" => tree
            .below(path)
            .filter_map(|(relative, node)| match &node.what {
                What::Notebook(notebook) => Some(notebook.to_dbc_member(relative)),
                _ => None,
            })
            .collect(),
        "SOURCE" | "AUTO" => tree
            .below(path)
            .filter_map(|(relative, node)| match &node.what {
                What::Notebook(notebook) => {
                    Some((format!("{relative}.{}", notebook.language.extension()), notebook.source.clone()))
                }
                What::File { content } if format == "AUTO" => Some((relative.to_owned(), content.clone())),
                _ => None,
            })
            .collect(),
        _ => return Err(Refusal::bad_field("format", format!("A folder cannot be exported as {format}"))),
    };
    Ok((archive::pack(&members), if format == "DBC" { "dbc" } else { "zip" }.to_owned()))
}
