// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Video memory, address spaces and queues: what every device answers, and what one with `NOVA_OPTION_WORK` does.

use super::{expect, Test};
use crate::node::Node;
use anyhow::{ensure, Result};
use kernel_abi::uapi::*;
use libc::{EBUSY, EFAULT, EINVAL, ENOENT, EOPNOTSUPP};
use std::io;

/// On every device.
pub(super) const TESTS: &[Test] = &[
    (
        "work: system objects, cached and write-combined",
        system_objects,
    ),
    ("bad input: GEM_NEW", gem_new_fields),
];

/// On a device without.
pub(super) const WITHOUT: &[Test] = &[
    ("work: QUERY says that there is none", query_without),
    ("work: a device without says so", without),
];

/// On a device with.
pub(super) const WITH: &[Test] = &[
    ("work: QUERY says what there is", query_with),
    ("bad input: VM_CREATE and VM_DESTROY", vm_fields),
    ("bad input: QUEUE_CREATE and QUEUE_DESTROY", queue_fields),
    ("bad input: VM_BIND", bind_fields),
    ("bad input: EXEC", exec_fields),
];

/// Whether the device has it.
pub(super) fn has_work(node: &Node) -> Result<bool> {
    Ok(node.query()?.options & NOVA_OPTION_WORK != 0)
}

fn gem_new(node: &Node, arg: drm_nova_gem_new) -> io::Result<u32> {
    let mut arg = arg;
    node.call(DRM_NOVA_GEM_NEW, &mut arg)?;
    Ok(arg.handle)
}

fn vm_create(node: &Node, flags: u32) -> io::Result<u32> {
    let mut arg = drm_nova_vm_create { vm_id: 0, flags };
    node.call(DRM_NOVA_VM_CREATE, &mut arg)?;
    Ok(arg.vm_id)
}

fn vm_destroy(node: &Node, vm_id: u32, pad: u32) -> io::Result<()> {
    node.call(DRM_NOVA_VM_DESTROY, &mut drm_nova_vm_destroy { vm_id, pad })
}

fn queue_create(node: &Node, arg: drm_nova_queue_create) -> io::Result<u32> {
    let mut arg = arg;
    node.call(DRM_NOVA_QUEUE_CREATE, &mut arg)?;
    Ok(arg.queue_id)
}

fn queue_destroy(node: &Node, queue_id: u32, pad: u32) -> io::Result<()> {
    let mut arg = drm_nova_queue_destroy { queue_id, pad };
    node.call(DRM_NOVA_QUEUE_DESTROY, &mut arg)
}

fn bind(node: &Node, arg: drm_nova_vm_bind, ops: &[drm_nova_vm_bind_op]) -> io::Result<()> {
    let mut arg = drm_nova_vm_bind {
        op_ptr: ops.as_ptr() as u64,
        op_count: ops.len() as u32,
        ..arg
    };
    node.call(DRM_NOVA_VM_BIND, &mut arg)
}

fn exec(node: &Node, queue_id: u32, pushes: &[drm_nova_exec_push]) -> io::Result<()> {
    let mut arg = drm_nova_exec {
        queue_id,
        push_count: pushes.len() as u32,
        push_ptr: pushes.as_ptr() as u64,
        ..Default::default()
    };
    node.call(DRM_NOVA_EXEC, &mut arg)
}

fn query_without(node: &Node) -> Result<()> {
    let info = node.query()?;
    let rest = (info.engines, info.copy_class, info.vram_quota, info.va_end);
    ensure!(rest == (0, 0, 0, 0) && info.max_pushes == 0, "{info:?}");
    Ok(())
}

fn query_with(node: &Node) -> Result<()> {
    let info = node.query()?;
    ensure!(info.engines & 1 << NOVA_ENGINE_COPY != 0, "{info:?}");
    let has_range = info.va_start < info.va_end && info.va_end <= 1 << 40;
    ensure!(has_range && info.page_sizes & 4096 != 0, "{info:?}");
    let has_quota = info.vram_used <= info.vram_quota && info.vram_quota <= info.vram_size;
    ensure!(has_quota, "{info:?}");
    let has_limits = info.max_bind_ops > 0 && info.max_pushes > 0 && info.max_syncs > 0;
    ensure!(has_limits, "{info:?}");
    Ok(())
}

fn without(node: &Node) -> Result<()> {
    let vram = drm_nova_gem_new {
        size: 4096,
        domain: NOVA_GEM_DOMAIN_VRAM,
        ..Default::default()
    };
    expect(gem_new(node, vram), EOPNOTSUPP, "GEM_NEW in VRAM")?;
    expect(vm_create(node, 0), EOPNOTSUPP, "VM_CREATE")?;
    expect(vm_destroy(node, 1, 0), EOPNOTSUPP, "VM_DESTROY")?;
    expect(bind(node, Default::default(), &[]), EOPNOTSUPP, "VM_BIND")?;
    let queue = queue_create(node, Default::default());
    expect(queue, EOPNOTSUPP, "QUEUE_CREATE")?;
    expect(queue_destroy(node, 1, 0), EOPNOTSUPP, "QUEUE_DESTROY")?;
    expect(exec(node, 1, &[]), EOPNOTSUPP, "EXEC")
}

fn system_objects(node: &Node) -> Result<()> {
    for flags in [0, NOVA_GEM_WRITE_COMBINED] {
        let arg = drm_nova_gem_new {
            size: 5000,
            domain: NOVA_GEM_DOMAIN_SYSTEM,
            flags,
            ..Default::default()
        };
        let handle = gem_new(node, arg)?;
        ensure!(node.info(handle)? == 8192);
        let map = node.map(handle, 8192)?;
        let bytes: Vec<u8> = (0..8192u32).map(|at| (at * 7) as u8).collect();
        map.write(0, &bytes);
        let crc = node.checksum(handle, NOVA_GEM_CHECKSUM_READ, 0, 8192, 0)?;
        ensure!(crc == crc32fast::hash(&bytes), "flags {flags}");
    }
    Ok(())
}

fn gem_new_fields(node: &Node) -> Result<()> {
    let good = drm_nova_gem_new {
        size: 4096,
        domain: NOVA_GEM_DOMAIN_SYSTEM,
        ..Default::default()
    };
    node.close(gem_new(node, good)?)?;
    let bad = [
        drm_nova_gem_new { size: 0, ..good },
        drm_nova_gem_new {
            size: u64::MAX,
            ..good
        },
        drm_nova_gem_new { domain: 0, ..good },
        drm_nova_gem_new { domain: 3, ..good },
        drm_nova_gem_new {
            domain: u32::MAX,
            ..good
        },
        drm_nova_gem_new { flags: 2, ..good },
        drm_nova_gem_new {
            flags: 1 << 31,
            ..good
        },
        drm_nova_gem_new { pad: 1, ..good },
        drm_nova_gem_new {
            domain: NOVA_GEM_DOMAIN_VRAM,
            flags: NOVA_GEM_WRITE_COMBINED,
            ..good
        },
    ];
    for arg in bad {
        expect(gem_new(node, arg), EINVAL, &format!("{arg:?}"))?;
    }
    Ok(())
}

fn vm_fields(node: &Node) -> Result<()> {
    for flags in [1, 1 << 31] {
        expect(vm_create(node, flags), EINVAL, "VM_CREATE flags")?;
    }
    let vm = vm_create(node, 0)?;
    let other = Node::open(&crate::node::find()?)?;
    expect(vm_destroy(&other, vm, 0), ENOENT, "of another file")?;
    expect(vm_destroy(node, vm, 1), EINVAL, "VM_DESTROY padding")?;
    for unknown in [0, vm + 1, u32::MAX] {
        expect(vm_destroy(node, unknown, 0), ENOENT, "unknown")?;
    }
    vm_destroy(node, vm, 0)?;
    expect(vm_destroy(node, vm, 0), ENOENT, "destroyed")
}

fn queue_fields(node: &Node) -> Result<()> {
    let vm_id = vm_create(node, 0)?;
    let good = drm_nova_queue_create {
        vm_id,
        engine: NOVA_ENGINE_COPY,
        priority: NOVA_PRIORITY_NORMAL,
        ..Default::default()
    };
    let bad = [
        drm_nova_queue_create { engine: 0, ..good },
        drm_nova_queue_create {
            engine: u32::MAX,
            ..good
        },
        drm_nova_queue_create {
            priority: 3,
            ..good
        },
        drm_nova_queue_create { flags: 1, ..good },
        drm_nova_queue_create { pad: 1, ..good },
    ];
    for arg in bad {
        expect(queue_create(node, arg), EINVAL, &format!("{arg:?}"))?;
    }
    for vm_id in [0, vm_id + 1, u32::MAX] {
        let arg = drm_nova_queue_create { vm_id, ..good };
        expect(queue_create(node, arg), ENOENT, &format!("{arg:?}"))?;
    }
    let queue = queue_create(node, good)?;
    expect(vm_destroy(node, vm_id, 0), EBUSY, "with a queue")?;
    expect(queue_destroy(node, queue, 1), EINVAL, "padding")?;
    expect(queue_destroy(node, queue + 1, 0), ENOENT, "unknown")?;
    queue_destroy(node, queue, 0)?;
    expect(queue_destroy(node, queue, 0), ENOENT, "destroyed")?;
    Ok(vm_destroy(node, vm_id, 0)?)
}

fn bind_fields(node: &Node) -> Result<()> {
    let info = node.query()?;
    let vm_id = vm_create(node, 0)?;
    let handle = node.create(8192)?;
    let to = drm_nova_vm_bind {
        vm_id,
        ..Default::default()
    };
    let map = drm_nova_vm_bind_op {
        op: NOVA_VM_BIND_OP_MAP,
        handle,
        addr: info.va_start,
        range: 4096,
        ..Default::default()
    };
    let unmap = drm_nova_vm_bind_op {
        op: NOVA_VM_BIND_OP_UNMAP,
        handle: 0,
        ..map
    };
    let sparse = drm_nova_vm_bind_op {
        flags: NOVA_VM_BIND_SPARSE,
        handle: 0,
        ..map
    };
    type Op = drm_nova_vm_bind_op;
    for op in [
        Op { op: 2, ..map },
        Op { flags: 4, ..map },
        Op { flags: 3, ..sparse },
        Op { pad: 1, ..map },
        Op {
            addr: map.addr + 1,
            ..map
        },
        Op {
            addr: info.va_start - 4096,
            ..map
        },
        Op {
            addr: info.va_end,
            ..map
        },
        Op {
            addr: 0u64.wrapping_sub(4096),
            ..map
        },
        Op { range: 0, ..map },
        Op { range: 4097, ..map },
        Op {
            range: 12288,
            ..map
        },
        Op { offset: 1, ..map },
        Op {
            offset: 8192,
            ..map
        },
        Op {
            offset: 0u64.wrapping_sub(4096),
            ..map
        },
        Op { handle, ..sparse },
        Op {
            offset: 4096,
            ..sparse
        },
        Op { handle, ..unmap },
        Op {
            offset: 4096,
            ..unmap
        },
        Op {
            flags: NOVA_VM_BIND_READ_ONLY,
            ..unmap
        },
    ] {
        expect(bind(node, to, &[op]), EINVAL, &format!("{op:?}"))?;
        // The first of two is not done either: the second alone would be refused.
        expect(bind(node, to, &[map, op]), EINVAL, &format!("{op:?}"))?;
    }
    for handle in [0, handle + 1000, u32::MAX] {
        let op = Op { handle, ..map };
        expect(bind(node, to, &[op]), ENOENT, &format!("{op:?}"))?;
    }
    type Bind = drm_nova_vm_bind;
    for arg in [
        Bind { flags: 2, ..to },
        Bind { pad: 1, ..to },
        Bind {
            wait_count: 1,
            ..to
        },
        Bind { sig_count: 1, ..to },
    ] {
        expect(bind(node, arg, &[map]), EINVAL, &format!("{arg:?}"))?;
    }
    let many = vec![unmap; info.max_bind_ops as usize + 1];
    expect(bind(node, to, &many), EINVAL, "too many operations")?;
    let unknown = Bind {
        vm_id: vm_id + 1,
        ..to
    };
    expect(bind(node, unknown, &[map]), ENOENT, "unknown VM")?;
    let mut arg = Bind {
        op_count: 1,
        op_ptr: 8,
        ..to
    };
    expect(
        node.call(DRM_NOVA_VM_BIND, &mut arg),
        EFAULT,
        "wild pointer",
    )?;
    bind(node, to, &[map, sparse, unmap])?;
    bind(node, to, &[])?;
    Ok(vm_destroy(node, vm_id, 0)?)
}

fn exec_fields(node: &Node) -> Result<()> {
    let info = node.query()?;
    let vm_id = vm_create(node, 0)?;
    let queue = queue_create(
        node,
        drm_nova_queue_create {
            vm_id,
            engine: NOVA_ENGINE_COPY,
            priority: NOVA_PRIORITY_LOW,
            ..Default::default()
        },
    )?;
    let good = drm_nova_exec_push {
        va: info.va_start,
        va_len: 4,
        flags: 0,
    };
    type Push = drm_nova_exec_push;
    for push in [
        Push {
            va: good.va + 2,
            ..good
        },
        Push {
            va: info.va_start - 4,
            ..good
        },
        Push {
            va: info.va_end,
            ..good
        },
        Push {
            va: 0u64.wrapping_sub(4),
            ..good
        },
        Push { va_len: 0, ..good },
        Push { va_len: 6, ..good },
        Push {
            va_len: info.max_push_length + 4,
            ..good
        },
        Push { flags: 2, ..good },
    ] {
        expect(exec(node, queue, &[push]), EINVAL, &format!("{push:?}"))?;
    }
    let many = vec![good; info.max_pushes as usize + 1];
    expect(exec(node, queue, &many), EINVAL, "too many pushes")?;
    expect(exec(node, queue + 1, &[]), ENOENT, "unknown queue")?;
    let syncs = [drm_nova_sync::default(); 1];
    for (flags, handle, timeline_value, errno) in [
        (2, 1, 0, EINVAL),
        (1 << 31, 1, 0, EINVAL),
        (NOVA_SYNC_SYNCOBJ, 1, 1, EINVAL),
        (NOVA_SYNC_TIMELINE_SYNCOBJ, 1, 0, EINVAL),
        (NOVA_SYNC_SYNCOBJ, 0, 0, ENOENT),
        (NOVA_SYNC_SYNCOBJ, 999, 0, ENOENT),
    ] {
        let mut syncs = syncs;
        syncs[0] = drm_nova_sync {
            flags,
            handle,
            timeline_value,
        };
        let at = syncs.as_ptr() as u64;
        for (wait_count, sig_count) in [(1, 0), (0, 1)] {
            let mut arg = drm_nova_exec {
                queue_id: queue,
                wait_count,
                sig_count,
                wait_ptr: at,
                sig_ptr: at,
                ..Default::default()
            };
            let result = node.call(DRM_NOVA_EXEC, &mut arg);
            expect(result, errno, &format!("{:?}", syncs[0]))?;
        }
    }
    // Without pushes it is a sync point.
    exec(node, queue, &[])?;
    queue_destroy(node, queue, 0)?;
    Ok(vm_destroy(node, vm_id, 0)?)
}
