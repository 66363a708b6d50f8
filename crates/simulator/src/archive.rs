//! ZIP archives without compression: what DBC files and exports of folders are.
//!
//! Reading takes stored members alone; a compressed one is refused by name.

use bytes::Bytes;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;

/// Packs members in the order given. The same members give the same bytes.
pub(crate) fn pack(members: &[(String, Bytes)]) -> Bytes {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let offset = u32_of(out.len());
        let mut shared = Vec::new();
        // Version 2.0, flag "names are UTF-8", stored, 1980-01-01.
        for half in [20u16, 0x0800, 0, 0, 0x21] {
            shared.extend(half.to_le_bytes());
        }
        for word in [crc32(content), u32_of(content.len()), u32_of(content.len())] {
            shared.extend(word.to_le_bytes());
        }
        shared.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        shared.extend(0u16.to_le_bytes());
        out.extend(LOCAL.to_le_bytes());
        out.extend(&shared);
        out.extend(name.as_bytes());
        out.extend(content);
        central.extend(CENTRAL.to_le_bytes());
        central.extend(20u16.to_le_bytes());
        central.extend(&shared);
        central.extend([0u8; 10]);
        central.extend(offset.to_le_bytes());
        central.extend(name.as_bytes());
    }
    let count = u16::try_from(members.len()).unwrap_or(u16::MAX).to_le_bytes();
    let offset = u32_of(out.len());
    let size = u32_of(central.len());
    out.extend(central);
    out.extend(END.to_le_bytes());
    out.extend([0u8; 4]);
    out.extend(count);
    out.extend(count);
    out.extend(size.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend([0u8; 2]);
    Bytes::from(out)
}

/// Whether the bytes begin like an archive.
pub(crate) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(&LOCAL.to_le_bytes()) || bytes.starts_with(&END.to_le_bytes())
}

/// The members of an archive.
///
/// # Errors
/// What is wrong with it, for a person.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let end = (0..bytes.len().saturating_sub(21))
        .rev()
        .find(|at| bytes[*at..].starts_with(&END.to_le_bytes()))
        .ok_or("not an archive: no end record")?;
    let (count, mut at) = (half(bytes, end + 10)?, word(bytes, end + 16)?);
    let mut members = Vec::new();
    for _ in 0..count {
        if word(bytes, at)? != CENTRAL as usize {
            return Err("damaged archive: directory".to_owned());
        }
        let (method, size) = (half(bytes, at + 10)?, word(bytes, at + 20)?);
        let (name_length, extra, comment) =
            (half(bytes, at + 28)?, half(bytes, at + 30)?, half(bytes, at + 32)?);
        let name = String::from_utf8_lossy(slice(bytes, at + 46, name_length)?).into_owned();
        let local = word(bytes, at + 42)?;
        let start = local + 30 + half(bytes, local + 26)? + half(bytes, local + 28)?;
        if !name.ends_with('/') {
            if method != 0 {
                return Err(format!("{name} is compressed; only stored members can be read here"));
            }
            members.push((name, slice(bytes, start, size)?.to_vec()));
        }
        at += 46 + name_length + extra + comment;
    }
    Ok(members)
}

fn slice(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], String> {
    at.checked_add(length)
        .and_then(|end| bytes.get(at..end))
        .ok_or_else(|| "damaged archive: too short".to_owned())
}

fn half(bytes: &[u8], at: usize) -> Result<usize, String> {
    slice(bytes, at, 2).map(|two| usize::from(two[0]) | usize::from(two[1]) << 8)
}

fn word(bytes: &[u8], at: usize) -> Result<usize, String> {
    Ok(half(bytes, at)? | half(bytes, at + 2)? << 16)
}

fn u32_of(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_again() {
        let members = vec![("a/b.py".to_owned(), Bytes::from("print(1)")), ("c".to_owned(), Bytes::new())];
        let unpacked = unpack(&pack(&members)).unwrap();
        assert_eq!(unpacked[0], ("a/b.py".to_owned(), b"print(1)".to_vec()));
        assert_eq!(unpacked.len(), 2);
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn damage_is_an_error() {
        assert!(unpack(b"PK").is_err());
        let mut packed = pack(&[("a".to_owned(), Bytes::from("x"))]).to_vec();
        packed.truncate(40);
        assert!(unpack(&packed).is_err());
    }
}
