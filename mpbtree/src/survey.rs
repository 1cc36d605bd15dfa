//! Figures of a tree, from all its pages but those of overflow chains.

use crate::disk::Tree;
use crate::error::Result;
use modbtree::{PageKind, Reason};

/// Figures of one level.
#[derive(Clone, Copy, Default)]
pub struct Level {
    pub pages: u64,
    pub entries: u64,
    /// Bytes that slots and entries take.
    pub used: u64,
}

#[derive(Default)]
pub struct Survey {
    /// From the root to the leaves.
    pub levels: Vec<Level>,
    pub overflow: u64,
    pub key_bytes: u64,
    pub value_bytes: u64,
    pub longest_key: u64,
    pub longest_value: u64,
    /// Leaves that lie right behind the leaf before them.
    pub in_order: u64,
}

/// Goes through all levels, from left to right.
pub fn survey(tree: &mut Tree) -> Result<Survey> {
    let mut figures = Survey::default();
    let (pages, capacity) = (tree.db.pages(), u64::from(tree.db.page_capacity()));
    let (mut leftmost, mut seen) = (1, 0);
    while leftmost != 0 {
        let (mut level, mut below) = (Level::default(), 0);
        let (mut page, mut before) = (leftmost, 0);
        while page != 0 {
            seen += 1;
            if seen > pages {
                // More pages than there are: the links are a circle.
                return tree.run(|db| db.damaged(page, 8, Reason::Sibling));
            }
            let head = tree.run(|db| db.page_head(page))?;
            level.pages += 1;
            level.entries += u64::from(head.entries);
            level.used += u64::from(head.used);
            let leaf = head.kind == PageKind::Leaf;
            if head.entries == 0 && page != 1 {
                tree.run(|db| db.damaged(page, 16, Reason::Empty))?;
            }
            if leaf {
                figures.in_order += u64::from(page == before + 1);
            }
            for i in 0..head.entries {
                let entry = tree.run(|db| db.page_entry(page, i))?;
                let mut chained = 0;
                if let Some(value) = entry.value {
                    let (key_len, value_len) = (entry.key.len() as u64, value.len() as u64);
                    figures.key_bytes += key_len;
                    figures.value_bytes += value_len;
                    figures.longest_key = figures.longest_key.max(key_len);
                    figures.longest_value = figures.longest_value.max(value_len);
                    for item in [entry.key, value] {
                        if item.chain_page().is_some() {
                            chained += (item.len() as u64).div_ceil(capacity);
                        }
                    }
                } else if i == 0 && below == 0 {
                    below = entry.child;
                }
                figures.overflow += chained;
            }
            (before, page) = (page, head.next);
        }
        figures.levels.push(level);
        leftmost = below;
    }
    Ok(figures)
}
