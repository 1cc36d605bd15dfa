//! Cutting off what a journal has left at the end of a file.
//!
//! The pages of a journal become free pages (FORMAT.md, section 14), which a file keeps. On a PC a file
//! can be shortened, or it would grow with every change.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Offsets in the header of a page.
const NEXT: usize = 8;

/// Takes free pages at the end of a file off the head of the free list, and the file's end with them.
/// The file has no journal. A power cut in between leaves pages that nothing uses.
pub fn trim(file: &File) -> io::Result<()> {
    let mut head = [0; 24];
    if file.metadata()?.len() < head.len() as u64 {
        // Nothing was stored in an empty file.
        return Ok(());
    }
    file.read_exact_at(&mut head, 0)?;
    let little = head[..4] == 0x0005_3162u32.to_le_bytes();
    let number = |bytes: &[u8], at: usize| {
        let bytes = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        }
    };
    let page_size = u64::from(number(&head, 8));
    let pages = file.metadata()?.len().checked_div(page_size).unwrap_or(0);
    let first = number(&head, 12);
    // As far as the list has gone, and what is the end of the file without these pages: the lowest of
    // them, if there are as many as lie behind it.
    let (mut free, mut lowest, mut count) = (first, pages, 0);
    let mut best = None;
    while free != 0 && count < pages {
        let at = u64::from(free);
        lowest = lowest.min(at);
        count += 1;
        let mut header = [0; 20];
        if at >= pages || at < 2 {
            return Ok(());
        }
        file.read_exact_at(&mut header, at * page_size)?;
        free = number(&header, NEXT);
        if pages - lowest == count {
            best = Some((lowest, free));
        } else if best.is_some() {
            break;
        }
    }
    let Some((end, free)) = best else { return Ok(()) };
    file.write_all_at(&if little { free.to_le_bytes() } else { free.to_be_bytes() }, 12)?;
    file.sync_data()?;
    file.set_len(end * page_size)?;
    file.sync_all()
}
