// SPDX-License-Identifier: GPL-2.0 OR MIT

use super::*;

const WHOLE: &str = r#"
    type: Hello,
    name: "hello",
    authors: ["A. Author", "B. Author"],
    description: "Says hello",
    license: "Dual MIT/GPL",
    alias: ["virtio:d00000006v*"],
    version: "1.2",
    params: {
        times: u32 { default: 1 + 2, description: "how often" },
        how: super::How { default: How::Loud, description: "how" },
    },
"#;

fn parse(text: &str) -> Result<Module> {
    Module::parse(text.parse().expect("tokens"))
}

#[test]
fn tags_are_those_of_the_c_macros() {
    let info = String::from_utf8(parse(WHOLE).expect("whole").modinfo()).expect("text");
    let tags: Vec<&str> = info.split_terminator('\0').collect();
    assert_eq!(
        tags,
        [
            "license=Dual MIT/GPL",
            "description=Says hello",
            "author=A. Author",
            "author=B. Author",
            "version=1.2",
            "alias=virtio:d00000006v*",
            "parmtype=times:u32",
            "parm=times:how often",
            "parmtype=how:super::How",
            "parm=how:how",
        ]
    );
}

#[test]
fn everything_that_is_wrong_is_said() {
    let wrong = [
        (
            r#"name: "a", license: "GPL""#,
            "the field `type` is missing",
        ),
        (r#"type: A, license: "GPL""#, "the field `name` is missing"),
        (r#"type: A, name: "a""#, "the field `license` is missing"),
        (r#"type: A, name: "a", name: "b""#, "`name` is there twice"),
        (
            r#"type: A, colour: "a""#,
            "`colour` is no field of a module",
        ),
        (
            "type: A, name: 7",
            "the module's name is expected: a string in double quotes, without escapes",
        ),
        (
            r#"type: A, name: "a\n""#,
            "the module's name is expected: a string in double quotes, without escapes",
        ),
        ("type: A name", "the field `name` is missing"),
        ("type:", "the module's type is missing"),
        (r#"type: A, authors: "a""#, "a list of authors is expected"),
        (
            r#"type: A, params: { x: u8 { description: "d" } }"#,
            "`default` is expected",
        ),
        (
            r#"type: A, params: { x: u8 { default: 1 } }"#,
            "`,` is missing",
        ),
        (r#"type: A, params: { x }"#, "`:` is missing"),
    ];
    for (text, error) in wrong {
        match parse(text) {
            Ok(_) => panic!("{text} was taken"),
            Err(found) => assert_eq!(found.text, error, "{text}"),
        }
    }
}

#[test]
fn the_loader_finds_its_symbols() {
    let code = expand(WHOLE.parse().expect("tokens"))
        .expect("whole")
        .to_string();
    for symbol in [
        "fn init_module",
        "fn cleanup_module",
        "link_section = \".modinfo\"",
        "link_section = \"__param\"",
        "KernelParam ; 2usize]",
        "panic_handler",
    ] {
        assert!(code.contains(symbol), "no {symbol} in {code}");
    }
}
