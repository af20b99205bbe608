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
            text.push_str("return NOVA_GETPARAM_VRAM_BAR_SIZE != 1;\n}\n");
            text
        }
    };
}

structures! {
    DRM_IOCTL_NOVA_GETPARAM DRM_NOVA_GETPARAM drm_nova_getparam { param, value }
    DRM_IOCTL_NOVA_GEM_CREATE DRM_NOVA_GEM_CREATE drm_nova_gem_create { handle, pad, size }
    DRM_IOCTL_NOVA_GEM_INFO DRM_NOVA_GEM_INFO drm_nova_gem_info { handle, pad, size }
    DRM_IOCTL_NOVA_QUERY DRM_NOVA_QUERY drm_nova_query {
        chipset, pad, vram_size, vram_bar_size, chip_name
    }
    DRM_IOCTL_NOVA_GEM_MMAP_OFFSET DRM_NOVA_GEM_MMAP_OFFSET drm_nova_gem_mmap_offset {
        handle, pad, offset
    }
    DRM_IOCTL_NOVA_GEM_CHECKSUM DRM_NOVA_GEM_CHECKSUM drm_nova_gem_checksum {
        handle, op, offset, length, seed, crc32, pad
    }
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
    fs::write(out.join("uapi.c"), program())?;
    let line = format!(
        "cp {common}/include/uapi/drm/nova_drm.h /out/
         cc -Wall -Werror -I/usr/include/drm -I/src/guest-driver/uapi -I/out -o /out/uapi /out/uapi.c
         /out/uapi"
    );
    let found = quiet(&mut tree.shell(&crate::host::checkout(), &out, &line, false)?)?;
    let expected = expected();
    ensure!(
        found == expected,
        "C and Rust do not agree.\nC:\n{found}\nRust:\n{expected}"
    );
    Ok(())
}
