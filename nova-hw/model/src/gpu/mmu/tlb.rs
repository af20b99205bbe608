// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The translation lookaside buffer: pages that were found, which are believed until they are
//! invalidated. So who changes a table and invalidates nothing has engines see the old page.
//! What was not found is not remembered. Small pages that lie together in memory are remembered
//! together, those beside the one that was asked for too.
//!
//! Bounded, and deterministic: what came first goes first.

use std::collections::VecDeque;

use super::{walk::walk_line, Access, Memory, MmuFault, Page, PageDirectory};

/// Pages that are remembered of an address space.
const PAGES: usize = 64;
/// Address spaces of which any are.
const SPACES: usize = 64;

/// What an invalidation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalidation {
    All,
    Space(PageDirectory),
}

#[derive(Debug)]
struct Space {
    root: PageDirectory,
    pages: VecDeque<Page>,
}

/// The buffer of all engines.
#[derive(Debug, Default)]
pub(crate) struct Tlb {
    spaces: VecDeque<Space>,
}

impl Tlb {
    /// The page of an address that may be accessed: the one that is remembered, or else the one
    /// that the tables have now.
    pub(crate) fn translate(
        &mut self,
        memory: &mut Memory<'_>,
        root: Option<PageDirectory>,
        va: u64,
        access: Access,
    ) -> Result<Page, MmuFault> {
        let known = root.and_then(|root| self.find(root, va));
        let page = match known {
            Some(page) => page,
            None => walk_line(memory, root, va)?,
        };
        if let (None, Some(root)) = (known, root) {
            self.remember(root, page);
        }
        let checked = access.check(&page);
        checked.map_err(|fault| MmuFault { va, fault })?;
        Ok(page)
    }

    /// Forgets.
    pub(crate) fn invalidate(&mut self, which: Invalidation) {
        match which {
            Invalidation::All => self.spaces.clear(),
            Invalidation::Space(root) => self.spaces.retain(|space| space.root != root),
        }
    }

    fn find(&self, root: PageDirectory, va: u64) -> Option<Page> {
        let space = self.spaces.iter().find(|space| space.root == root)?;
        space.pages.iter().find(|page| page.has(va)).copied()
    }

    fn remember(&mut self, root: PageDirectory, page: Page) {
        let known = self.spaces.iter().position(|space| space.root == root);
        let at = known.unwrap_or_else(|| {
            if self.spaces.len() == SPACES {
                self.spaces.pop_front();
            }
            let pages = VecDeque::with_capacity(PAGES);
            self.spaces.push_back(Space { root, pages });
            self.spaces.len() - 1
        });
        let pages = &mut self.spaces[at].pages;
        if pages.len() == PAGES {
            pages.pop_front();
        }
        pages.push_back(page);
    }
}
