// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The uAPI as C sees it: upstream's header of the newest kernel, and ours, against the Rust structures.

use crate::{kernel::Headers, kernel::Kernel, run::quiet, tree::Tree};
use anyhow::{bail, ensure, Context, Result};
use kernel_abi::uapi::*;
use std::{
    fmt::Write,
    fs,
    mem::{offset_of, size_of},
};

/// One line for each structure: its ioctl number, size, and the offsets of its fields.
macro_rules! structures {
    ($($ioctl:ident $nr:ident $name:ident { $($field:ident),* })*) => {
        fn expected() -> String {
            let mut text = String::new();
            $(
                let number = (3u64 << 30)
                    | ((size_of::<$name>() as u64) << 16)
                    | (u64::from(b'd') << 8)
                    | u64::from(0x40 + $nr);
                let _ = write!(text, "{} {number:#x} {}", stringify!($name), size_of::<$name>());
                $(let _ = write!(text, " {}", offset_of!($name, $field));)*
                text.push('\n');
            )*
            text
        }

        fn program() -> String {
            let mut text = String::from(
                "#include <stddef.h>\n#include <stdio.h>\n#include \"nova_drm.h\"\n\
                 #include \"virtio_nova_drm.h\"\nint main(void) {\n",
            );
            $(
                let _ = write!(
                    text,
                    "printf(\"{0} %#lx %zu\", (unsigned long){1}, sizeof(struct {0}));\n",
                    stringify!($name),
                    stringify!($ioctl)
                );
                $(let _ = write!(
                    text,
                    "printf(\" %zu\", offsetof(struct {}, {}));\n",
                    stringify!($name),
                    stringify!($field)
                );)*
                text.push_str("puts(\"\");\n");
            )*
            text
        }
    };
}

structures! {
    DRM_IOCTL_NOVA_GETPARAM DRM_NOVA_GETPARAM drm_nova_getparam { param, value }
    DRM_IOCTL_NOVA_GEM_CREATE DRM_NOVA_GEM_CREATE drm_nova_gem_create { handle, pad, size }
    DRM_IOCTL_NOVA_GEM_INFO DRM_NOVA_GEM_INFO drm_nova_gem_info { handle, pad, size }
    DRM_IOCTL_NOVA_QUERY DRM_NOVA_QUERY drm_nova_query {
        chipset, pad, vram_size, vram_bar_size, chip_name, options, engines, gpfifo_class, copy_class,
        vram_quota, vram_used, va_start, va_end, page_sizes, max_object_size, max_bind_ops, max_pushes,
        max_push_length, max_syncs, max_binds_in_flight, max_execs_in_flight, work_timeout_ms, pad2
    }
    DRM_IOCTL_NOVA_GEM_NEW DRM_NOVA_GEM_NEW drm_nova_gem_new { size, domain, flags, handle, pad }
    DRM_IOCTL_NOVA_GEM_MMAP_OFFSET DRM_NOVA_GEM_MMAP_OFFSET drm_nova_gem_mmap_offset {
        handle, pad, offset
    }
    DRM_IOCTL_NOVA_GEM_CHECKSUM DRM_NOVA_GEM_CHECKSUM drm_nova_gem_checksum {
        handle, op, offset, length, seed, crc32, pad
    }
    DRM_IOCTL_NOVA_VM_CREATE DRM_NOVA_VM_CREATE drm_nova_vm_create { vm_id, flags }
    DRM_IOCTL_NOVA_VM_DESTROY DRM_NOVA_VM_DESTROY drm_nova_vm_destroy { vm_id, pad }
    DRM_IOCTL_NOVA_VM_BIND DRM_NOVA_VM_BIND drm_nova_vm_bind {
        vm_id, op_count, flags, pad, op_ptr, wait_count, sig_count, wait_ptr, sig_ptr
    }
    DRM_IOCTL_NOVA_QUEUE_CREATE DRM_NOVA_QUEUE_CREATE drm_nova_queue_create {
        vm_id, engine, priority, flags, queue_id, pad
    }
    DRM_IOCTL_NOVA_QUEUE_DESTROY DRM_NOVA_QUEUE_DESTROY drm_nova_queue_destroy { queue_id, pad }
    DRM_IOCTL_NOVA_EXEC DRM_NOVA_EXEC drm_nova_exec {
        queue_id, push_count, push_ptr, wait_count, sig_count, wait_ptr, sig_ptr
    }
}

/// Structures that no ioctl number carries: size, and the offsets of their fields.
macro_rules! elements {
    ($($name:ident { $($field:ident),* })*) => {
        fn expected_elements() -> String {
            let mut text = String::new();
            $(
                let _ = write!(text, "{} {}", stringify!($name), size_of::<$name>());
                $(let _ = write!(text, " {}", offset_of!($name, $field));)*
                text.push('\n');
            )*
            text
        }

        fn program_elements() -> String {
            let mut text = String::new();
            $(
                let _ = write!(
                    text,
                    "printf(\"{0} %zu\", sizeof(struct {0}));\n",
                    stringify!($name)
                );
                $(let _ = write!(
                    text,
                    "printf(\" %zu\", offsetof(struct {}, {}));\n",
                    stringify!($name),
                    stringify!($field)
                );)*
                text.push_str("puts(\"\");\n");
            )*
            text
        }
    };
}

elements! {
    drm_nova_sync { flags, handle, timeline_value }
    drm_nova_vm_bind_op { op, flags, handle, pad, addr, offset, range }
    drm_nova_exec_push { va, va_len, flags }
    drm_nova_event_lost { base, id, reason, addr }
}

/// Numbers that both headers name.
macro_rules! numbers {
    ($($name:ident)*) => {
        fn expected_numbers() -> String {
            let mut text = String::new();
            $(let _ = writeln!(text, "{} {}", stringify!($name), u64::from($name));)*
            text
        }

        fn program_numbers() -> String {
            let mut text = String::new();
            $(let _ = writeln!(
                text,
                "printf(\"{0} %llu\\n\", (unsigned long long){0});",
                stringify!($name)
            );)*
            text
        }
    };
}

numbers! {
    NOVA_GEM_CHECKSUM_READ NOVA_GEM_CHECKSUM_FILL NOVA_OPTION_WORK
    NOVA_GEM_DOMAIN_SYSTEM NOVA_GEM_DOMAIN_VRAM NOVA_GEM_WRITE_COMBINED
    NOVA_SYNC_TYPE_MASK NOVA_SYNC_SYNCOBJ NOVA_SYNC_TIMELINE_SYNCOBJ
    NOVA_VM_BIND_OP_MAP NOVA_VM_BIND_OP_UNMAP NOVA_VM_BIND_READ_ONLY NOVA_VM_BIND_SPARSE
    NOVA_VM_BIND_ASYNC NOVA_ENGINE_COPY
    NOVA_PRIORITY_LOW NOVA_PRIORITY_NORMAL NOVA_PRIORITY_HIGH NOVA_EXEC_PUSH_NO_PREFETCH
    NOVA_EVENT_QUEUE_LOST NOVA_EVENT_VM_LOST NOVA_EVENT_DEVICE_LOST
    NOVA_LOST_MMU_FAULT NOVA_LOST_ENGINE NOVA_LOST_TIMEOUT NOVA_LOST_KILLED NOVA_LOST_RESOURCES
    NOVA_LOST_HOST
}

/// Compiles a program on the headers and compares what it prints.
pub(crate) fn check(tree: &Tree, kernel: &Kernel) -> Result<()> {
    let Headers::InTree(headers) = &kernel.headers else {
        bail!("{} is no packaged kernel", kernel.name);
    };
    // The package in two: /usr/src/linux-headers-<release>-common has what is not generated.
    let common = headers
        .strip_suffix("-amd64")
        .context("not an amd64 kernel")?
        .to_owned()
        + "-common";
    let out = crate::host::target().join("uapi");
    fs::create_dir_all(&out)?;
    let source = program() + &program_elements() + &program_numbers();
    let end = "return NOVA_GETPARAM_VRAM_BAR_SIZE != 1;\n}\n";
    fs::write(out.join("uapi.c"), source + end)?;
    let line = format!(
        "cp {common}/include/uapi/drm/nova_drm.h /out/
         cc -Wall -Werror -I/usr/include/drm -I/src/guest-driver/uapi -I/out -o /out/uapi /out/uapi.c
         /out/uapi"
    );
    let found = quiet(&mut tree.shell(&crate::host::checkout(), &out, &line, false)?)?;
    let expected = expected() + &expected_elements() + &expected_numbers();
    ensure!(
        found == expected,
        "C and Rust do not agree.\nC:\n{found}\nRust:\n{expected}"
    );
    Ok(())
}
