//! Notebooks: cells, and the formats in which they come and go.
//!
//! A notebook is kept as its SOURCE text in canonical form, so that what is exported and imported again is equal
//! byte for byte. What JUPYTER carries beyond cells (outputs, environment) is kept beside it for as long as nobody
//! imports another format over it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::archive;
use crate::stored_bytes;

/// A notebook's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Language {
    Python,
    Scala,
    Sql,
    R,
}

impl Language {
    pub(crate) const ALL: [Self; 4] = [Self::Python, Self::Scala, Self::Sql, Self::R];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Python => "PYTHON",
            Self::Scala => "SCALA",
            Self::Sql => "SQL",
            Self::R => "R",
        }
    }

    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Python => "py",
            Self::Scala => "scala",
            Self::Sql => "sql",
            Self::R => "r",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }

    pub(crate) fn of_extension(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.extension().eq_ignore_ascii_case(extension))
    }

    const fn comment(self) -> &'static str {
        match self {
            Self::Python | Self::R => "#",
            Self::Scala => "//",
            Self::Sql => "--",
        }
    }

    /// The first line of a notebook's source.
    pub(crate) fn header(self) -> String {
        format!("{} Databricks notebook source", self.comment())
    }

    fn separator(self) -> String {
        format!("{} COMMAND ----------", self.comment())
    }

    fn magic(self) -> String {
        format!("{} MAGIC ", self.comment())
    }
}

/// A notebook's content.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Notebook {
    pub(crate) language: Language,
    #[serde(with = "stored_bytes")]
    pub(crate) source: Bytes,
    #[serde(with = "stored_bytes::optional")]
    pub(crate) jupyter: Option<Bytes>,
}

impl Notebook {
    /// From SOURCE. The header line may be missing.
    pub(crate) fn from_source(text: &str, language: Language) -> Self {
        let text = text.replace("\r\n", "\n");
        let body = text.strip_prefix(&language.header()).unwrap_or(&text);
        let cells = split_cells(body, &language.separator());
        Self::from_cells(&cells, language)
    }

    /// From cells as SOURCE shows them.
    fn from_cells(cells: &[String], language: Language) -> Self {
        let separator = format!("\n\n{}\n\n", language.separator());
        let source = format!("{}\n{}", language.header(), cells.join(&separator));
        Self { language, source: Bytes::from(source), jupyter: None }
    }

    fn cells(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.source);
        let body = text.strip_prefix(&self.language.header()).unwrap_or(&text);
        split_cells(body, &self.language.separator())
    }

    /// From a Jupyter document.
    pub(crate) fn from_jupyter(bytes: &[u8], language: Option<Language>) -> Result<Self, String> {
        let document: Value =
            serde_json::from_slice(bytes).map_err(|error| format!("not a Jupyter notebook: {error}"))?;
        let cells =
            document.get("cells").and_then(Value::as_array).ok_or("not a Jupyter notebook: no cells")?;
        let named = |at: &str| document.pointer(at).and_then(Value::as_str).map(str::to_uppercase);
        let language = language
            .or_else(|| {
                named("/metadata/application~1vnd.databricks.v1+notebook/language")
                    .and_then(|name| Language::parse(&name))
            })
            .or_else(|| named("/metadata/language_info/name").and_then(|name| Language::parse(&name)))
            .unwrap_or(Language::Python);
        let cells: Vec<String> = cells
            .iter()
            .map(|cell| {
                let text = joined(cell.get("source"));
                let kind = cell.get("cell_type").and_then(Value::as_str).unwrap_or("code");
                match kind {
                    "markdown" => as_magic(&format!("%md\n{text}"), language),
                    _ if text.starts_with('%') => as_magic(&text, language),
                    _ => text,
                }
            })
            .collect();
        let kept = serde_json::to_vec(&document).map_err(|error| error.to_string())?;
        Ok(Self { jupyter: Some(Bytes::from(kept)), ..Self::from_cells(&cells, language) })
    }

    /// As a Jupyter document. One that came as such is given back as it came.
    pub(crate) fn to_jupyter(&self, name: &str) -> Bytes {
        if let Some(jupyter) = &self.jupyter {
            return jupyter.clone();
        }
        let magic = self.language.magic();
        let cells: Vec<Value> = self
            .cells()
            .iter()
            .map(|cell| {
                let plain = cell.lines().all(|line| line.starts_with(magic.trim_end())).then(|| {
                    cell.lines()
                        .map(|line| line.strip_prefix(&magic).unwrap_or(""))
                        .collect::<Vec<_>>()
                        .join("\n")
                });
                match plain.as_deref().and_then(|plain| plain.strip_prefix("%md\n")) {
                    Some(markdown) => {
                        json!({"cell_type": "markdown", "metadata": {}, "source": lines(markdown)})
                    }
                    None => json!({
                        "cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [],
                        "source": lines(plain.as_deref().unwrap_or(cell)),
                    }),
                }
            })
            .collect();
        let language = self.language.name().to_lowercase();
        let document = json!({
            "cells": cells,
            "metadata": {
                "application/vnd.databricks.v1+notebook": {"language": language, "notebookName": name, "widgets": {}},
                "language_info": {"name": language},
            },
            "nbformat": 4,
            "nbformat_minor": 0,
        });
        Bytes::from(document.to_string())
    }

    /// The service's own document, as inside DBC and HTML.
    fn model(&self, name: &str) -> Value {
        let commands: Vec<Value> = self
            .cells()
            .iter()
            .enumerate()
            .map(
                |(position, cell)| json!({"version": "CommandV1", "position": position + 1, "command": cell}),
            )
            .collect();
        json!({"version": "NotebookV1", "language": self.language.name().to_lowercase(), "name": name, "commands": commands})
    }

    fn from_model(model: &Value) -> Result<Self, String> {
        let language = model
            .get("language")
            .and_then(Value::as_str)
            .and_then(|name| Language::parse(&name.to_uppercase()))
            .ok_or("the notebook does not name its language")?;
        let cells: Vec<String> = model
            .get("commands")
            .and_then(Value::as_array)
            .ok_or("the notebook has no commands")?
            .iter()
            .map(|command| joined(command.get("command")))
            .collect();
        Ok(Self::from_cells(&cells, language))
    }

    /// As a page that shows the notebook and carries it.
    pub(crate) fn to_html(&self, name: &str) -> Bytes {
        let model = STANDARD.encode(self.model(name).to_string());
        Bytes::from(format!(
            "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>{name} - Databricks</title>\n</head>\n\
             <body>\n<script>var __DATABRICKS_NOTEBOOK_MODEL = '{model}'</script>\n</body>\n</html>\n"
        ))
    }

    pub(crate) fn from_html(text: &str) -> Result<Self, String> {
        let model = text
            .split_once("__DATABRICKS_NOTEBOOK_MODEL = '")
            .and_then(|(_, rest)| rest.split_once('\''))
            .and_then(|(model, _)| STANDARD.decode(model).ok())
            .ok_or("the page carries no notebook")?;
        Self::from_model(&serde_json::from_slice(&model).map_err(|error| error.to_string())?)
    }

    /// As R Markdown: one fenced chunk per cell.
    pub(crate) fn to_r_markdown(&self) -> Bytes {
        let language = self.language.name().to_lowercase();
        let chunks: Vec<String> =
            self.cells().iter().map(|cell| format!("```{{{language}}}\n{cell}\n```\n")).collect();
        Bytes::from(chunks.join("\n"))
    }

    /// From R Markdown. Prose between the chunks becomes Markdown cells.
    pub(crate) fn from_r_markdown(text: &str) -> Self {
        let mut language = None;
        let (mut cells, mut cell, mut in_chunk) = (Vec::new(), Vec::new(), false);
        let mut close = |cell: &mut Vec<&str>, prose: bool| {
            let text = cell.join("\n");
            cell.clear();
            if prose && !text.trim().is_empty() {
                cells.push(format!("%md\n{}", text.trim_matches('\n')));
            } else if !prose {
                cells.push(text);
            }
        };
        for line in text.lines() {
            if let Some(info) = line.strip_prefix("```{").filter(|_| !in_chunk) {
                close(&mut cell, true);
                let name = info.split(['}', ' ', ',']).next().unwrap_or("r").to_uppercase();
                language = language.or_else(|| Language::parse(&name));
                in_chunk = true;
            } else if in_chunk && line.starts_with("```") {
                close(&mut cell, false);
                in_chunk = false;
            } else {
                cell.push(line);
            }
        }
        close(&mut cell, true);
        let language = language.unwrap_or(Language::R);
        let cells: Vec<String> = cells
            .into_iter()
            .map(|cell| if cell.starts_with("%md\n") { as_magic(&cell, language) } else { cell })
            .collect();
        Self::from_cells(&cells, language)
    }

    /// The member of a DBC archive: its name and its document.
    pub(crate) fn to_dbc_member(&self, path: &str) -> (String, Bytes) {
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = self.language.name().to_lowercase();
        (format!("{path}.{extension}"), Bytes::from(self.model(name).to_string()))
    }

    /// All notebooks of a DBC archive, by path within it.
    pub(crate) fn from_dbc(bytes: &[u8]) -> Result<Vec<(String, Self)>, String> {
        archive::unpack(bytes)?
            .into_iter()
            .map(|(name, content)| {
                let model = serde_json::from_slice(&content).map_err(|error| format!("{name}: {error}"))?;
                let path = name.rsplit_once('.').map_or(name.as_str(), |(path, _)| path).to_owned();
                Ok((path, Self::from_model(&model)?))
            })
            .collect()
    }
}

fn split_cells(body: &str, separator: &str) -> Vec<String> {
    let mut cells = vec![Vec::new()];
    for line in body.lines() {
        if line.trim_end() == separator {
            cells.push(Vec::new());
        } else if let Some(cell) = cells.last_mut() {
            cell.push(line);
        }
    }
    cells.into_iter().map(|cell: Vec<&str>| cell.join("\n").trim_matches('\n').to_owned()).collect()
}

fn as_magic(text: &str, language: Language) -> String {
    text.lines().map(|line| format!("{}{line}", language.magic())).collect::<Vec<_>>().join("\n")
}

/// Jupyter writes text as a string or as a list of lines.
fn joined(source: Option<&Value>) -> String {
    match source {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

fn lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "# Databricks notebook source\nprint(1)\n\n# COMMAND ----------\n\n# MAGIC %md\n# MAGIC ## Title\n\n# COMMAND ----------\n\n# MAGIC %sql\n# MAGIC select 1";

    #[test]
    fn every_format_that_carries_cells_brings_them_back() {
        let notebook = Notebook::from_source(SOURCE, Language::Python);
        assert_eq!(notebook.source, SOURCE);
        let html = String::from_utf8(notebook.to_html("n").to_vec()).unwrap();
        assert_eq!(Notebook::from_html(&html).unwrap().source, SOURCE);
        assert_eq!(Notebook::from_jupyter(&notebook.to_jupyter("n"), None).unwrap().source, SOURCE);
        let dbc = archive::pack(&[notebook.to_dbc_member("a/n")]);
        let members = Notebook::from_dbc(&dbc).unwrap();
        assert_eq!(members[0].0, "a/n");
        assert_eq!(members[0].1.source, SOURCE);
        let markdown = String::from_utf8(notebook.to_r_markdown().to_vec()).unwrap();
        assert_eq!(Notebook::from_r_markdown(&markdown).source, SOURCE);
    }

    #[test]
    fn source_without_a_header_becomes_one_cell_under_a_header() {
        let notebook = Notebook::from_source("select 1\n", Language::Sql);
        assert_eq!(notebook.source, "-- Databricks notebook source\nselect 1");
    }
}
