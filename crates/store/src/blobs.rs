//! Bytes by their digest, compressed. Equal bytes are kept once.

use std::collections::{BTreeSet, HashMap};

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, SqliteConnection};
use twinlake_model::{Digest, Document};

use crate::columns::{ROWS_AT_ONCE, digest, unsigned};
use crate::trouble::{Outcome, Trouble};
use crate::{Store, StoreError};

/// zstd's own default: above it, time grows faster than size shrinks.
const LEVEL: i32 = 3;

impl Store {
    /// Keeps some bytes.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digests = self.put_blobs(&[bytes]).await?;
        Ok(digests.first().copied().unwrap_or_else(|| Digest::of(bytes)))
    }

    /// Keeps many at once: all or none. The digests come in the order of the bytes.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn put_blobs<B: AsRef<[u8]>>(&self, many: &[B]) -> Result<Vec<Digest>, StoreError> {
        let packed: Vec<Packed> = many
            .iter()
            .map(|bytes| Packed::of(bytes.as_ref()))
            .collect::<Outcome<_>>()
            .map_err(|trouble| trouble.about("compressing", self.path()))?;
        self.write("keeping bytes", async |db| put(db, &packed).await).await?;
        Ok(packed.iter().map(|blob| blob.digest).collect())
    }

    /// The bytes of a digest, and no others.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`], [`StoreError::DamagedBlob`].
    pub async fn blob(&self, digest: Digest) -> Result<Vec<u8>, StoreError> {
        self.get(digest, "blob")
    }

    /// Whether the bytes of a digest are kept.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn has_blob(&self, digest: Digest) -> Result<bool, StoreError> {
        Ok(self.missing_blobs(&[digest]).await?.is_empty())
    }

    /// Which of these digests have no bytes here.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn missing_blobs(&self, digests: &[Digest]) -> Result<BTreeSet<Digest>, StoreError> {
        self.read("looking for bytes", async |db| {
            let mut missing: BTreeSet<Digest> = digests.iter().copied().collect();
            for some in digests.chunks(ROWS_AT_ONCE) {
                let rows = sqlx::query(
                    "SELECT digest FROM blob WHERE digest IN (SELECT unhex(value) FROM json_each(?))",
                )
                .bind(serde_json::to_string(some)?)
                .fetch_all(&mut *db)
                .await?;
                for row in &rows {
                    missing.remove(&digest(row.try_get(0)?)?);
                }
            }
            Ok(missing)
        })
    }

    /// Keeps a document.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn put_document(&self, document: &Document) -> Result<Digest, StoreError> {
        self.put_blob(document.text().as_bytes()).await
    }

    /// Keeps many documents at once: all or none. The digests come in the order of the documents.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn put_documents(&self, documents: &[Document]) -> Result<Vec<Digest>, StoreError> {
        let texts: Vec<&str> = documents.iter().map(Document::text).collect();
        self.put_blobs(&texts).await
    }

    /// The document of a digest.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`], [`StoreError::DamagedBlob`].
    pub async fn document(&self, digest: Digest) -> Result<Document, StoreError> {
        let bytes = self.get(digest, "document")?;
        self.as_document(digest, &bytes)
    }

    /// The documents of many digests, each once.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`] for the first that is missing, [`StoreError::DamagedBlob`].
    pub async fn documents(&self, digests: &[Digest]) -> Result<HashMap<Digest, Document>, StoreError> {
        let mut documents = HashMap::with_capacity(digests.len());
        for some in digests.chunks(ROWS_AT_ONCE) {
            let rows = self.read("reading documents", async |db| {
                let query = "SELECT digest, size, zstd FROM blob \
                             WHERE digest IN (SELECT unhex(value) FROM json_each(?))";
                Ok(sqlx::query(query).bind(serde_json::to_string(some)?).fetch_all(db).await?)
            })?;
            for row in &rows {
                let found = row
                    .try_get(0)
                    .map_err(Trouble::from)
                    .and_then(digest)
                    .map_err(|trouble| trouble.about("reading documents", self.path()))?;
                let bytes = self.unpack(found, row, 1)?;
                documents.insert(found, self.as_document(found, &bytes)?);
            }
        }
        match digests.iter().find(|digest| !documents.contains_key(digest)) {
            Some(digest) => Err(StoreError::MissingBlob { what: "document", digest: *digest }),
            None => Ok(documents),
        }
    }

    pub(crate) fn get(&self, digest: Digest, what: &'static str) -> Result<Vec<u8>, StoreError> {
        let row = self.read("reading bytes", async |db| {
            Ok(sqlx::query("SELECT size, zstd FROM blob WHERE digest = ?")
                .bind(digest.as_bytes().as_slice())
                .fetch_optional(db)
                .await?)
        })?;
        match row {
            Some(row) => self.unpack(digest, &row, 0),
            None => Err(StoreError::MissingBlob { what, digest }),
        }
    }

    fn as_document(&self, digest: Digest, bytes: &[u8]) -> Result<Document, StoreError> {
        Document::parse(bytes).map_err(|error| self.damaged(digest, error.to_string()))
    }

    /// The bytes of a row whose columns `at` and `at + 1` are the size and the compressed bytes.
    fn unpack(&self, digest: Digest, row: &SqliteRow, at: usize) -> Result<Vec<u8>, StoreError> {
        let unpacked = (|| {
            let size = unsigned(row.try_get(at)?)?;
            unpack(row.try_get(at + 1)?, size)
        })();
        let bytes = unpacked.map_err(|trouble| match trouble {
            Trouble::Unreadable(detail) => self.damaged(digest, detail),
            other => other.about("reading bytes", self.path()),
        })?;
        if Digest::of(&bytes) == digest {
            Ok(bytes)
        } else {
            Err(self.damaged(digest, "its bytes have another digest".to_owned()))
        }
    }

    pub(crate) fn damaged(&self, digest: Digest, detail: String) -> StoreError {
        StoreError::DamagedBlob { digest, path: self.path().to_owned(), detail }
    }
}

/// Bytes ready to be kept. Made before the connection is taken, so that nobody waits for a compression.
struct Packed {
    digest: Digest,
    size: i64,
    zstd: Vec<u8>,
}

impl Packed {
    fn of(bytes: &[u8]) -> Outcome<Self> {
        let (size, zstd) = pack(bytes)?;
        Ok(Self { digest: Digest::of(bytes), size, zstd })
    }
}

async fn put(db: &mut SqliteConnection, blobs: &[Packed]) -> Outcome<()> {
    for some in blobs.chunks(ROWS_AT_ONCE) {
        QueryBuilder::new("INSERT OR IGNORE INTO blob (digest, size, zstd) ")
            .push_values(some, |mut row, blob| {
                row.push_bind(blob.digest.as_bytes().as_slice())
                    .push_bind(blob.size)
                    .push_bind(blob.zstd.as_slice());
            })
            .build()
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// The size and the compressed form of some bytes.
pub(crate) fn pack(bytes: &[u8]) -> Outcome<(i64, Vec<u8>)> {
    let size = i64::try_from(bytes.len()).map_err(|error| Trouble::Unreadable(error.to_string()))?;
    let zstd = zstd::bulk::compress(bytes, LEVEL).map_err(|error| Trouble::Unreadable(error.to_string()))?;
    Ok((size, zstd))
}

/// The bytes of a compressed form.
pub(crate) fn unpack(zstd: &[u8], size: u64) -> Outcome<Vec<u8>> {
    let capacity = usize::try_from(size).map_err(|error| Trouble::Unreadable(error.to_string()))?;
    zstd::bulk::decompress(zstd, capacity).map_err(|error| Trouble::Unreadable(error.to_string()))
}
