//! What notebooks and files say.

use std::fmt::Write as _;

use serde_json::json;

use super::{Gardener, words};
use crate::notebook::Language;

/// A size in bytes: mostly a few KB, sometimes much more; 8 KB on average, 300 KB at most.
pub(super) fn size(gardener: &Gardener<'_>) -> usize {
    if !gardener.percent(4) {
        return 1_000 + gardener.below(7_000);
    }
    let fraction = gardener.chance.fraction();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 290,000")]
    let more = (fraction * fraction * 290_000.0) as usize;
    9_000 + more
}

fn statement(gardener: &Gardener<'_>, language: Language, text: &mut String) {
    let (subject, layer) = (gardener.word(words::SUBJECTS).replace('-', "_"), gardener.word(words::LAYERS));
    let number = gardener.below(900) + 100;
    // Writing into a string does not fail.
    let _ = match language {
        Language::Python => writeln!(
            text,
            "{subject}_{number} = spark.table(\"{layer}.{subject}\").where(\"store_id = {number}\").groupBy(\"day\").count()"
        ),
        Language::Scala => writeln!(
            text,
            "val {subject}{number} = spark.table(\"{layer}.{subject}\").filter($\"amount\" > {number}).distinct()"
        ),
        Language::Sql => {
            writeln!(text, "SELECT day, sum(amount) AS total_{number} FROM {layer}.{subject} GROUP BY day;")
        }
        Language::R => {
            writeln!(text, "{subject}_{number} <- collect(tableToDF(\"{layer}.{subject}\"))[1:{number}, ]")
        }
    };
}

fn cell(gardener: &Gardener<'_>, language: Language) -> String {
    let mut text = String::new();
    for _ in 0..3 + gardener.below(12) {
        statement(gardener, language, &mut text);
    }
    text
}

/// A notebook's source of about a size.
pub(super) fn source(gardener: &Gardener<'_>, language: Language, title: &str, size: usize) -> String {
    let comment = match language {
        Language::Python | Language::R => "#",
        Language::Scala => "//",
        Language::Sql => "--",
    };
    let mut text = format!("{}\n{comment} MAGIC %md\n{comment} MAGIC # {title}\n", language.header());
    while text.len() < size {
        let _ = write!(text, "\n{comment} COMMAND ----------\n\n{}", cell(gardener, language));
    }
    text
}

/// The same as a Jupyter document, with an output here and there.
pub(super) fn jupyter(gardener: &Gardener<'_>, title: &str, size: usize) -> String {
    let mut cells = vec![json!({"cell_type": "markdown", "metadata": {}, "source": [format!("# {title}")]})];
    let mut length = 0;
    while length < size {
        let text = cell(gardener, Language::Python);
        length += text.len() + 120;
        let outputs = if gardener.percent(30) {
            json!([{"name": "stdout", "output_type": "stream", "text": [format!("{} rows\n", gardener.below(100_000))]}])
        } else {
            json!([])
        };
        let lines: Vec<&str> = text.trim_end().split_inclusive('\n').collect();
        cells.push(json!({"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": outputs, "source": lines}));
    }
    json!({
        "cells": cells,
        "metadata": {
            "application/vnd.databricks.v1+notebook": {
                "language": "python", "notebookName": title, "widgets": {},
                "environmentMetadata": {"client": "3", "dependencies": ["pandas==2.2.3"]},
            },
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 0,
    })
    .to_string()
}

/// A file of about a size: its name and its content.
pub(super) fn file(gardener: &Gardener<'_>, stem: &str, size: usize) -> (String, String) {
    let mut text = String::new();
    let (extension, head) = match gardener.below(5) {
        0 => ("csv", "store_id,day,sku,quantity,amount\n"),
        1 => ("yml", "# settings of the pipeline\n"),
        2 => ("py", "\"\"\"Helpers that notebooks import.\"\"\"\n\n"),
        3 => ("json", ""),
        _ => ("md", "# Runbook\n\n"),
    };
    text.push_str(head);
    if extension == "json" {
        text.push_str("[\n");
    }
    while text.len() < size {
        let (number, subject) = (gardener.below(100_000), gardener.word(words::SUBJECTS));
        let _ = match extension {
            "csv" => writeln!(
                text,
                "{},2026-{:02}-{:02},SKU{number:06},{},{number}.50",
                number % 400,
                number % 12 + 1,
                number % 28 + 1,
                number % 9
            ),
            "yml" => writeln!(
                text,
                "{subject}_{number}: {{ table: silver.{}, keep_days: {} }}",
                subject.replace('-', "_"),
                number % 400
            ),
            "py" => writeln!(
                text,
                "def {}_{number}(frame):\n    return frame.where(\"amount > {number}\")\n\n",
                subject.replace('-', "_")
            ),
            "json" => writeln!(
                text,
                "  {{\"id\": {number}, \"subject\": \"{subject}\", \"active\": {}}},",
                number.is_multiple_of(2)
            ),
            _ => writeln!(
                text,
                "- If {subject} are late, look at job {number} first, then call the {} team.",
                gardener.word(words::TEAMS)
            ),
        };
    }
    if extension == "json" {
        text.push_str("  {}\n]\n");
    }
    (format!("{stem}.{extension}"), text)
}
