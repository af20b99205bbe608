// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Has upstream's nouveau move buffers: objects in VRAM are filled through the BAR, and then evicted
//! by others that need their room. What comes out in system memory is compared with what went in.
//! The structures are those of `include/uapi/drm/nouveau_drm.h`.

use crate::{mapping::Mapping, node::Node, sys};
use anyhow::{bail, ensure, Context, Result};
use std::{fs, io, path::PathBuf};

/// `NOUVEAU_GETPARAM_FB_SIZE`
const FB_SIZE: u64 = 8;
/// `NOUVEAU_GEM_DOMAIN_VRAM`
const VRAM: u32 = 1 << 1;
/// `NOUVEAU_GEM_DOMAIN_GART`
const GART: u32 = 1 << 2;
/// `NOUVEAU_GEM_DOMAIN_MAPPABLE`
const MAPPABLE: u32 = 1 << 3;

const GETPARAM: u32 = 0x00;
const GEM_NEW: u32 = 0x40;
const GEM_INFO: u32 = 0x44;

const PAGE: usize = 4096;
/// A word is written at each multiple of this: every one costs an access of the BAR.
const STEP: usize = 512;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct GemInfo {
    handle: u32,
    domain: u32,
    size: u64,
    offset: u64,
    map_handle: u64,
    tile_mode: u32,
    tile_flags: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct GemNew {
    info: GemInfo,
    channel_hint: u32,
    align: u32,
}

/// How much is moved.
pub struct Plan {
    /// Objects that are filled.
    pub objects: usize,
    /// Bytes of each.
    pub size: u64,
}

/// Moves and compares; prints a line of what happened.
pub fn run(plan: &Plan) -> Result<bool> {
    let node = Node::open(&find()?)?;
    let vram = getparam(&node, FB_SIZE).context("FB_SIZE")?;
    let mut filled = Vec::new();
    for number in 0..plan.objects {
        // With one domain only, GEM_INFO would not tell where it is.
        let object = create(&node, VRAM | GART, plan.size).context("an object in VRAM")?;
        ensure!(object.domain & VRAM != 0, "object {number} is not in VRAM");
        let mapping = map(&node, &object)?;
        for (at, word) in words(number, mapping.len()) {
            mapping.store64(at, word);
        }
        filled.push((object, mapping));
    }
    // Others need all the room there is. Asking where an object is makes it the last to go, so that is
    // not done in between.
    let others = vram.div_ceil(plan.size);
    for _ in 0..others {
        create(&node, VRAM, plan.size).context("an object that needs room")?;
    }
    let left = resident(&node, &filled)?;
    ensure!(
        left == 0,
        "{left} of {} objects are still in VRAM",
        filled.len()
    );
    let mut compared = 0u64;
    for (number, (_, mapping)) in filled.iter().enumerate() {
        for (at, word) in words(number, mapping.len()) {
            let found = mapping.load64(at);
            if found != word {
                bail!("object {number} at {at:#x}: {found:#018x} instead of {word:#018x}");
            }
            compared += 1;
        }
    }
    println!(
        "{} objects of {} MiB left VRAM for {others} others; {compared} words are right",
        filled.len(),
        plan.size >> 20
    );
    Ok(compared > 0)
}

/// Where each word goes, and which: no two are equal, so that one in the wrong place is seen. The
/// first page has all of its words.
fn words(object: usize, len: usize) -> impl Iterator<Item = (usize, u64)> {
    let dense = (0..PAGE.min(len)).step_by(8);
    let sparse = (PAGE..len).step_by(STEP);
    let word = move |at: usize| (object as u64 + 1) << 40 ^ (at as u64).wrapping_mul(0x9e37_79b1);
    dense.chain(sparse).map(move |at| (at, word(at)))
}

/// How many are in VRAM.
fn resident(node: &Node, objects: &[(GemInfo, Mapping)]) -> Result<usize> {
    let mut count = 0;
    for (object, _) in objects {
        let mut info = GemInfo {
            handle: object.handle,
            ..GemInfo::default()
        };
        node.call(GEM_INFO, &mut info).context("GEM_INFO")?;
        ensure!(
            info.domain & (VRAM | GART) != 0,
            "an object is nowhere: domain {:#x}",
            info.domain
        );
        count += usize::from(info.domain & VRAM != 0);
    }
    Ok(count)
}

fn create(node: &Node, domains: u32, size: u64) -> io::Result<GemInfo> {
    let mut arg = GemNew::default();
    arg.info.size = size;
    arg.info.domain = domains | MAPPABLE;
    node.call(GEM_NEW, &mut arg)?;
    Ok(arg.info)
}

fn map(node: &Node, object: &GemInfo) -> Result<Mapping> {
    let len = usize::try_from(object.size)?;
    Mapping::new(&node.file, object.map_handle, len).context("mmap")
}

fn getparam(node: &Node, param: u64) -> io::Result<u64> {
    let mut arg = [param, 0];
    node.call(GETPARAM, &mut arg)?;
    Ok(arg[1])
}

/// The first render node of nouveau.
fn find() -> Result<PathBuf> {
    let mut nodes: Vec<_> = fs::read_dir("/dev/dri")
        .context("there is no /dev/dri: is nouveau loaded?")?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().contains("renderD"))
        .collect();
    nodes.sort();
    for node in nodes {
        if Node::open(&node)?.driver_name()? == "nouveau" {
            return Ok(node);
        }
    }
    bail!("no render node of nouveau")
}

const _: () = {
    assert!(size_of::<GemInfo>() == 40);
    assert!(size_of::<GemNew>() == 48);
    assert!(sys::drm_iowr(GEM_NEW, size_of::<GemNew>()) == 0xc030_6480);
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_words_are_equal() {
        let words: Vec<_> = (0..3).flat_map(|object| words(object, 1 << 20)).collect();
        let distinct: HashSet<_> = words.iter().map(|(_, word)| word).collect();
        assert_eq!(distinct.len(), words.len());
        assert_eq!(words.len(), 3 * (512 + 255 * 8));
    }
}
