// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `module!`

use crate::fields::{Error, Result, Tokens};
use proc_macro2::{Delimiter, Ident, Literal, TokenStream};
use quote::{format_ident, quote};
use std::ffi::CString;

struct Param {
    name: Ident,
    kind: TokenStream,
    default: TokenStream,
    description: String,
}

/// The fields of one `module!`.
#[derive(Default)]
struct Module {
    kind: TokenStream,
    name: String,
    authors: Vec<String>,
    description: Option<String>,
    license: String,
    alias: Vec<String>,
    version: Option<String>,
    params: Vec<Param>,
}

pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let module = Module::parse(input)?;
    let parts = [module.identity(), module.parameters(), module.symbols()];
    Ok(parts.into_iter().collect())
}

impl Module {
    fn parse(input: TokenStream) -> Result<Self> {
        let mut tokens = Tokens::new(input);
        let mut module = Self::default();
        let mut seen: Vec<String> = Vec::new();
        while !tokens.is_empty() {
            let field = tokens.ident("a field")?;
            let name = field.to_string();
            if seen.contains(&name) {
                return Err(Error::new(field.span(), format!("`{name}` is there twice")));
            }
            tokens.punct(':')?;
            match name.as_str() {
                "type" => module.kind = tokens.until_comma("the module's type")?,
                "name" => module.name = tokens.string("the module's name")?,
                "authors" => module.authors = tokens.strings("author")?,
                "description" => module.description = Some(tokens.string("a description")?),
                "license" => module.license = tokens.string("a license")?,
                "alias" => module.alias = tokens.strings("alias")?,
                "version" => module.version = Some(tokens.string("a version")?),
                "params" => module.params = params(&mut tokens)?,
                _ => {
                    return Err(Error::new(
                        field.span(),
                        format!("`{name}` is no field of a module"),
                    ))
                }
            }
            seen.push(name);
            tokens.comma()?;
        }
        for needed in ["type", "name", "license"] {
            if !seen.iter().any(|name| name == needed) {
                return Err(Error::new(
                    tokens.span(),
                    format!("the field `{needed}` is missing"),
                ));
            }
        }
        Ok(module)
    }

    /// What the module is called, in the code and in the log.
    fn identity(&self) -> TokenStream {
        let kind = &self.kind;
        let name = c_string(&self.name);
        quote! {
            /// In front of every line that this crate prints.
            const __LOG_PREFIX: &[u8] = #name.to_bytes_with_nul();

            /// This module, for C.
            #[allow(unsafe_code)]
            // SAFETY: the module's own symbol, which the build defines.
            static THIS_MODULE: ::kernel_abi::module::ThisModule = unsafe {
                ::kernel_abi::module::ThisModule::from_ptr(&raw mut ::kernel_abi::bindings::__this_module)
            };

            /// The type of the module that this crate is.
            #[allow(dead_code)]
            type LocalModule = #kind;

            impl ::kernel_abi::module::ModuleMetadata for #kind {
                const NAME: &'static ::core::ffi::CStr = #name;
            }
        }
    }

    fn parameters(&self) -> TokenStream {
        if self.params.is_empty() {
            return TokenStream::new();
        }
        let accesses = self.params.iter().map(|param| {
            let Param {
                name,
                kind,
                default,
                description,
            } = param;
            quote! {
                #[doc = #description]
                #[allow(non_upper_case_globals)]
                pub(crate) static #name: ::kernel_abi::module_param::ModuleParamAccess<#kind> =
                    ::kernel_abi::module_param::ModuleParamAccess::new(#default);
            }
        });
        quote! {
            /// The parameters of this module.
            mod module_parameters {
                #[allow(unused_imports)]
                use super::*;
                #(#accesses)*
            }
        }
    }

    /// The symbols that modpost and the loader look for. The build keeps them by name.
    fn symbols(&self) -> TokenStream {
        let kind = &self.kind;
        let info = self.modinfo();
        let len = info.len();
        let info = Literal::byte_string(&info);
        let count = self.params.len();
        let entries = self.params.iter().map(|param| {
            let (name, kind) = (&param.name, &param.kind);
            let label = c_string(&name.to_string());
            quote! {
                ::kernel_abi::module_param::KernelParam::new::<#kind>(
                    #label,
                    &super::THIS_MODULE,
                    &super::module_parameters::#name,
                )
            }
        });
        let hidden = format_ident!("__kernel_abi_module");
        quote! {
            #[cfg(module)]
            #[doc(hidden)]
            mod #hidden {
                #![allow(unsafe_code)]
                #[allow(unused_imports)]
                use super::*;

                static MODULE: ::kernel_abi::module::Slot<#kind> = ::kernel_abi::module::Slot::new();

                #[no_mangle]
                extern "C" fn init_module() -> ::core::ffi::c_int {
                    // SAFETY: the loader calls this once, before anything else of the module.
                    unsafe { MODULE.init(&super::THIS_MODULE) }
                }

                #[no_mangle]
                extern "C" fn cleanup_module() {
                    // SAFETY: the loader calls this once, after a successful init.
                    unsafe { MODULE.exit() }
                }

                /// objtool seals functions that nothing refers to against indirect calls; the loader's are such.
                #[no_mangle]
                static __kernel_abi_entries: (extern "C" fn() -> ::core::ffi::c_int, extern "C" fn()) =
                    (init_module, cleanup_module);

                #[no_mangle]
                #[link_section = ".modinfo"]
                static __kernel_abi_modinfo: [u8; #len] = *#info;

                #[no_mangle]
                #[link_section = "__param"]
                static __kernel_abi_params: [::kernel_abi::module_param::KernelParam; #count] = [#(#entries),*];

                #[panic_handler]
                fn panic(info: &::core::panic::PanicInfo<'_>) -> ! {
                    ::kernel_abi::panic::panic(super::__LOG_PREFIX, info)
                }
            }
        }
    }

    /// `tag=value` strings, each with its zero.
    fn modinfo(&self) -> Vec<u8> {
        let mut tags: Vec<(&str, String)> = vec![("license", self.license.clone())];
        tags.extend(
            self.description
                .iter()
                .map(|text| ("description", text.clone())),
        );
        tags.extend(self.authors.iter().map(|text| ("author", text.clone())));
        tags.extend(self.version.iter().map(|text| ("version", text.clone())));
        tags.extend(self.alias.iter().map(|text| ("alias", text.clone())));
        for param in &self.params {
            let kind = param.kind.to_string().replace(' ', "");
            tags.push(("parmtype", format!("{}:{kind}", param.name)));
            tags.push(("parm", format!("{}:{}", param.name, param.description)));
        }
        let strings = tags.iter().map(|(tag, value)| format!("{tag}={value}\0"));
        strings.collect::<String>().into_bytes()
    }
}

fn params(tokens: &mut Tokens) -> Result<Vec<Param>> {
    let group = tokens.group(Delimiter::Brace, "parameters in braces")?;
    let mut tokens = Tokens::new(group.stream());
    let mut params = Vec::new();
    while !tokens.is_empty() {
        let name = tokens.ident("a parameter's name")?;
        tokens.punct(':')?;
        let kind = tokens.until_brace("a parameter's type")?;
        let inner = tokens.group(Delimiter::Brace, "`{ default: …, description: … }`")?;
        let mut inner = Tokens::new(inner.stream());
        keyword(&mut inner, "default")?;
        let default = inner.until_comma("a default")?;
        inner.punct(',')?;
        keyword(&mut inner, "description")?;
        let description = inner.string("a description")?;
        inner.comma()?;
        params.push(Param {
            name,
            kind,
            default,
            description,
        });
        tokens.comma()?;
    }
    Ok(params)
}

fn keyword(tokens: &mut Tokens, wanted: &str) -> Result<()> {
    let ident = tokens.ident(&format!("`{wanted}`"))?;
    if ident != wanted {
        return Err(Error::new(ident.span(), format!("`{wanted}` is expected")));
    }
    tokens.punct(':')
}

fn c_string(text: &str) -> Literal {
    // No zero byte is in there: `Tokens::string` refuses it, and an identifier has none.
    Literal::c_string(&CString::new(text).unwrap_or_default())
}

#[cfg(test)]
#[path = "module_tests.rs"]
mod tests;
