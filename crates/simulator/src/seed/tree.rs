//! Folders by team and person, with their notebooks and files.

use serde_json::json;

use super::people::user_name;
use super::{Gardener, content, words};
use crate::error::Error;
use crate::notebook::Language;

/// What jobs can refer to.
pub(super) struct Places {
    pub(super) notebooks: Vec<String>,
    pub(super) sql_files: Vec<String>,
}

/// The size of the largest object of an estate that is not small.
const LARGEST_BYTES: usize = 300 * 1024;

pub(super) fn seed(
    gardener: &mut Gardener<'_>,
    folders: usize,
    notebooks: usize,
    files: usize,
) -> Result<Places, Error> {
    let folders = make_folders(gardener, folders)?;
    let mut places = Places { notebooks: Vec::new(), sql_files: Vec::new() };
    for number in 0..notebooks {
        let path = make_notebook(gardener, &folders, number)?;
        places.notebooks.push(path);
    }
    for number in 0..files {
        make_file(gardener, &folders, number, &mut places)?;
    }
    Ok(places)
}

fn make_folders(gardener: &mut Gardener<'_>, count: usize) -> Result<Vec<String>, Error> {
    let mut folders: Vec<String> = Vec::new();
    for number in 0..count {
        let team = words::TEAMS[number % words::TEAMS.len()];
        let round = number / words::TEAMS.len();
        let path = match round {
            0 => format!("/Shared/{team}"),
            1..=8 => format!("/Shared/{team}/{}", words::AREAS[(round - 1) % words::AREAS.len()]),
            _ if gardener.percent(15) => {
                format!(
                    "/Users/{}/{}-{number}",
                    user_name(gardener.word(words::PEOPLE)),
                    gardener.word(words::SUBJECTS)
                )
            }
            _ => {
                let parent = gardener.pick(&folders).cloned().unwrap_or_else(|| format!("/Shared/{team}"));
                format!("{parent}/{}-{number}", gardener.word(words::SUBJECTS))
            }
        };
        gardener.post("/api/2.0/workspace/mkdirs", json!({"path": path}))?;
        gardener.done.folders += 1;
        folders.push(path);
    }
    Ok(folders)
}

fn folder(gardener: &Gardener<'_>, folders: &[String]) -> String {
    gardener.pick(folders).cloned().unwrap_or_else(|| "/Shared".to_owned())
}

fn make_notebook(gardener: &mut Gardener<'_>, folders: &[String], number: usize) -> Result<String, Error> {
    let (verb, subject) = (gardener.word(words::VERBS), gardener.word(words::SUBJECTS));
    let title = format!("{verb}-{subject}-{number}");
    let path = format!("{}/{title}", folder(gardener, folders));
    let size = if number == 50 { LARGEST_BYTES - 2_000 } else { content::size(gardener) };
    let mut fields = vec![("path", path.clone())];
    let text = if number % 5 == 4 {
        fields.push(("format", "JUPYTER".to_owned()));
        content::jupyter(gardener, &title, size)
    } else {
        let language = match gardener.below(10) {
            0..=5 => Language::Python,
            6..=7 => Language::Sql,
            8 => Language::Scala,
            _ => Language::R,
        };
        fields.push(("format", "SOURCE".to_owned()));
        fields.push(("language", language.name().to_owned()));
        content::source(gardener, language, &title, size)
    };
    gardener.import(&fields, text.into_bytes())?;
    gardener.done.notebooks += 1;
    Ok(path)
}

fn make_file(
    gardener: &mut Gardener<'_>,
    folders: &[String],
    number: usize,
    places: &mut Places,
) -> Result<(), Error> {
    let stem = format!("{}-{number}", gardener.word(words::SUBJECTS));
    let size = content::size(gardener);
    let (name, text) = if number.is_multiple_of(12) {
        let text =
            "SELECT store_id, sum(amount) AS amount FROM gold.receipts WHERE day = :day GROUP BY store_id;\n";
        (format!("{stem}.sql"), text.repeat(size / text.len() + 1))
    } else {
        content::file(gardener, &stem, size)
    };
    let path = format!("{}/{name}", folder(gardener, folders));
    if name.ends_with(".sql") {
        places.sql_files.push(path.clone());
    }
    gardener.import(&[("path", path), ("format", "RAW".to_owned())], text.into_bytes())?;
    gardener.done.files += 1;
    Ok(())
}
