// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The list, on sysfs trees of files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use super::*;

/// A tree like sysfs's.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        tree.file("bus/pci/devices/.keep", "");
        fs::remove_file(tree.0.path().join("bus/pci/devices/.keep")).unwrap();
        tree
    }

    fn file(&self, path: &str, content: &str) -> &Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn link(&self, path: &str, to: &str) -> &Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(to, path).unwrap();
        self
    }

    fn device(&self, address: &str, id: [&str; 3], driver: Option<&str>, group: Option<u32>) {
        let at = |name: &str| format!("bus/pci/devices/{address}/{name}");
        for (name, value) in ["vendor", "device", "class"].into_iter().zip(id) {
            self.file(&at(name), &format!("0x{value}\n"));
        }
        if let Some(driver) = driver {
            self.link(&at("driver"), &format!("../../../bus/pci/drivers/{driver}"));
        }
        if let Some(group) = group {
            self.link(
                &at("iommu_group"),
                &format!("../../../kernel/iommu_groups/{group}"),
            );
            let member = format!("kernel/iommu_groups/{group}/devices/{address}");
            self.link(&member, &format!("../../../../bus/pci/devices/{address}"));
        }
    }

    fn gpu(&self, address: &str, driver: Option<&str>, group: Option<u32>) -> &Self {
        self.device(address, ["10de", "2204", "030000"], driver, group);
        self.file(
            &format!("bus/pci/devices/{address}/reset_method"),
            "flr bus\n",
        )
    }

    fn audio(&self, address: &str, driver: Option<&str>, group: Option<u32>) -> &Self {
        self.device(address, ["10de", "1aef", "040300"], driver, group);
        self
    }

    fn list(&self, json: bool, firmware: &Path) -> String {
        let options = Options {
            sysfs: self.0.path().into(),
            firmware: Folders::only(vec![firmware.into()]),
            json,
        };
        let mut out = Vec::new();
        devices(&options, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn text(&self) -> String {
        self.list(false, Path::new("/nowhere"))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.list(true, Path::new("/nowhere"))).unwrap()
    }
}

#[test]
fn without_a_card_the_model_is_named() {
    let tree = Tree::new();
    tree.device(
        "0000:00:02.0",
        ["8086", "46a6", "030000"],
        Some("i915"),
        Some(0),
    );
    tree.audio("0000:01:00.1", Some("snd_hda_intel"), Some(1));
    assert!(tree.text().contains("--gpu model"), "{}", tree.text());
    assert_eq!(tree.json(), serde_json::json!([]));
}

#[test]
fn a_card_that_a_driver_has_is_unbound_with_its_audio() {
    let tree = Tree::new();
    tree.gpu("0000:01:00.0", Some("nouveau"), Some(14));
    tree.audio("0000:01:00.1", Some("snd_hda_intel"), Some(14));
    tree.device(
        "0000:00:01.0",
        ["8086", "460d", "060400"],
        Some("pcieport"),
        Some(14),
    );
    let card = &tree.json()[0];
    assert_eq!(card["ready"], false);
    assert_eq!(card["driver"], "nouveau");
    assert_eq!(card["iommu_group"], 14);
    assert_eq!(card["reset_methods"], serde_json::json!(["flr", "bus"]));
    // By address: the bridge, which is not in the way, and the audio, which is.
    assert_eq!(card["group_members"][0]["viable"], true);
    assert_eq!(card["group_members"][1]["address"], "0000:01:00.1");
    assert_eq!(card["group_members"][1]["kind"], "audio");
    assert_eq!(card["group_members"][1]["viable"], false);
    assert_eq!(
        card["next"],
        serde_json::json!([
            "modprobe vfio-pci",
            "echo vfio-pci > /sys/bus/pci/devices/0000:01:00.0/driver_override",
            "echo 0000:01:00.0 > /sys/bus/pci/devices/0000:01:00.0/driver/unbind",
            "echo 0000:01:00.0 > /sys/bus/pci/drivers_probe",
            "echo vfio-pci > /sys/bus/pci/devices/0000:01:00.1/driver_override",
            "echo 0000:01:00.1 > /sys/bus/pci/devices/0000:01:00.1/driver/unbind",
            "echo 0000:01:00.1 > /sys/bus/pci/drivers_probe",
        ])
    );
    let text = tree.text();
    assert!(
        text.contains("14, together with:") && text.contains("in the way"),
        "{text}"
    );
}

#[test]
fn a_card_that_is_ready_is_tried_next() {
    let tree = Tree::new();
    tree.gpu("0000:01:00.0", Some("vfio-pci"), Some(14));
    tree.audio("0000:01:00.1", None, Some(14));
    let card = &tree.json()[0];
    assert_eq!(card["ready"], true);
    let next = "vhost-nova probe --gpu vfio:0000:01:00.0";
    assert_eq!(card["next"], serde_json::json!([next]));
    assert!(tree.text().contains(next));
}

#[test]
fn without_an_iommu_nothing_is_to_be_typed() {
    let tree = Tree::new();
    tree.gpu("0000:01:00.0", None, None);
    let card = &tree.json()[0];
    assert_eq!(card["ready"], false);
    assert_eq!(card["next"], serde_json::json!([]));
    let text = tree.text();
    assert!(
        text.contains("WARNING") && text.contains("intel_iommu=on"),
        "{text}"
    );
}

#[test]
fn a_card_that_shows_the_console_is_warned_of() {
    let tree = Tree::new();
    tree.gpu("0000:01:00.0", Some("nouveau"), Some(1));
    tree.gpu("0000:02:00.0", Some("nouveau"), Some(2));
    tree.gpu("0000:03:00.0", Some("nouveau"), Some(3));
    tree.file("bus/pci/devices/0000:01:00.0/boot_vga", "1\n");
    tree.file("bus/pci/devices/0000:02:00.0/boot_vga", "0\n");
    tree.link(
        "class/graphics/fb0/device",
        "../../../bus/pci/devices/0000:02:00.0",
    );
    tree.file("class/vtconsole/vtcon0/name", "(S) dummy device\n");
    tree.file("class/vtconsole/vtcon0/bind", "0\n");
    tree.file("class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
    tree.file("class/vtconsole/vtcon1/bind", "1\n");
    let cards = tree.json();
    assert_eq!(cards[0]["console"], serde_json::json!(["boot_vga"]));
    assert_eq!(cards[1]["console"], serde_json::json!(["fbcon on fb0"]));
    assert_eq!(cards[2]["console"], serde_json::json!([]));
    let warned = |card: &Value| card["warnings"].to_string().contains("shows the console");
    assert!(
        warned(&cards[0]) && warned(&cards[1]) && !warned(&cards[2]),
        "{cards}"
    );
    // The console is on another card once fbcon has let go.
    tree.file("class/vtconsole/vtcon1/bind", "0\n");
    assert!(!warned(&tree.json()[1]));
}

#[test]
fn firmware_is_found_compressed_and_other_versions_are_told_apart() {
    let tree = Tree::new();
    tree.gpu("0000:01:00.0", Some("vfio-pci"), Some(1));
    let lib = Tree::new();
    let warned = |list: &str| list.contains("firmware-nvidia-graphics");
    assert!(warned(&tree.list(false, lib.0.path())));
    for file in ["gsp", "bootloader", "booter_load", "booter_unload"] {
        lib.file(&format!("nvidia/ad102/gsp/{file}-570.144.bin.xz"), "");
        lib.file(&format!("nvidia/ga102/gsp/{file}-535.113.01.bin"), "");
    }
    let text = tree.list(false, lib.0.path());
    assert!(
        text.contains("GA102: not 570.144 (but 535.113.01), AD102: 570.144"),
        "{text}"
    );
    assert!(!warned(&text), "{text}");
}

#[test]
fn a_card_without_a_reset_is_warned_of() {
    let tree = Tree::new();
    tree.device(
        "0000:01:00.0",
        ["10de", "2204", "030200"],
        Some("vfio-pci"),
        Some(1),
    );
    assert!(tree.text().contains("knows no reset"), "{}", tree.text());
    assert!(tree.text().contains("3D controller"), "{}", tree.text());
}

#[test]
fn attributes_that_are_no_numbers_are_an_error() {
    let tree = Tree::new();
    tree.gpu("0000:01:00.0", None, None);
    tree.file("bus/pci/devices/0000:01:00.0/vendor", "what?\n");
    let options = Options {
        sysfs: tree.0.path().into(),
        firmware: Folders::only(Vec::new()),
        json: false,
    };
    let error = devices(&options, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("is no number"), "{error}");
}
