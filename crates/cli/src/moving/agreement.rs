//! How somebody agrees: by typing the group's name at a terminal, or beforehand with `--yes`.

use std::io::IsTerminal;

use twinlake_controller::ControllerError;
use twinlake_model::GroupName;

use crate::face::Face;

/// Asks for the group's name. What is typed is for the controller to judge.
///
/// Only a terminal is asked: what comes through a pipe was written by a program, and programs say `--yes`.
pub(crate) async fn ask(group: &GroupName, command: &str, face: &Face) -> anyhow::Result<String> {
    if face.is_json() || !std::io::stdin().is_terminal() {
        return Err(ControllerError::NotNow {
            what: format!(
                "nobody is there to type the name of the group, {group}, and --yes was not given; nothing was changed"
            ),
            instead: format!("{command} --yes"),
        }
        .into());
    }
    let question = format!("Type the name of the group to go on, anything else to leave it ({group}): ");
    face.aside_raw(&face.paint_aside().strong(question));
    let typed = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    Ok(typed.await??.trim().to_owned())
}
