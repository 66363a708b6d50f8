//! The account on disk: one JSON file.

use std::fs;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use crate::account::World;
use crate::error::Error;

pub(crate) fn read(path: &Path) -> Result<World, Error> {
    let unreadable = |source| Error::StateFile { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(unreadable)?;
    serde_json::from_reader(BufReader::new(file))
        .map_err(|source| Error::DamagedState { path: path.to_owned(), source })
}

/// Writes a new file and puts it in the old one's place, so that there is a whole one at any time.
pub(crate) fn write(path: &Path, world: &World) -> Result<(), Error> {
    let unwritable = |source| Error::StateFile { path: path.to_owned(), source };
    let beside = path.with_extension("new");
    let mut file = BufWriter::new(fs::File::create(&beside).map_err(unwritable)?);
    serde_json::to_writer(&mut file, world).map_err(|error| unwritable(error.into()))?;
    file.flush().map_err(unwritable)?;
    file.get_ref().sync_all().map_err(unwritable)?;
    drop(file);
    fs::rename(&beside, path).map_err(unwritable)
}
