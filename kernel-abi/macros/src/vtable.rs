// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `#[vtable]`

use crate::fields::{Error, Result};
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};

pub(crate) fn expand(attr: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if let Some(token) = attr.into_iter().next() {
        return Err(Error::new(token.span(), "#[vtable] takes no arguments"));
    }
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let is_trait = keyword(&tokens)?;
    let body = match tokens.pop() {
        Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => body,
        other => {
            let span = other.map_or_else(Span::call_site, |token| token.span());
            return Err(Error::new(span, "a body in braces is expected"));
        }
    };
    let items = Items::of(body.stream());
    let consts = items.functions.iter().map(|function| {
        let name = format_ident!("HAS_{}", function.to_string().to_uppercase());
        let doc = format!("Whether the implementation has `{function}` itself.");
        match is_trait {
            true => quote!(#[doc = #doc] const #name: bool = false;),
            false if items.constants.contains(&name) => quote!(),
            false => quote!(const #name: bool = true;),
        }
    });
    let marker = match is_trait {
        true => quote! {
            /// Set by `#[vtable]`, which an implementation must not forget.
            const USE_VTABLE_ATTR: ();
        },
        false => quote!(
            const USE_VTABLE_ATTR: () = ();
        ),
    };
    let inner = body.stream();
    let mut group = Group::new(Delimiter::Brace, quote!(#marker #inner #(#consts)*));
    group.set_span(body.span());
    tokens.push(TokenTree::Group(group));
    Ok(tokens.into_iter().collect())
}

/// Whether it is a trait, and not an implementation.
fn keyword(tokens: &[TokenTree]) -> Result<bool> {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if *ident == "trait" => return Ok(true),
            TokenTree::Ident(ident) if *ident == "impl" => return Ok(false),
            _ => {}
        }
    }
    Err(Error::new(
        Span::call_site(),
        "#[vtable] is for traits and their implementations",
    ))
}

/// The names of the functions and constants of a body, not those inside of functions.
struct Items {
    functions: Vec<Ident>,
    constants: Vec<Ident>,
}

impl Items {
    fn of(body: TokenStream) -> Self {
        let mut items = Self {
            functions: Vec::new(),
            constants: Vec::new(),
        };
        let mut tokens = body.into_iter().peekable();
        while let Some(token) = tokens.next() {
            let TokenTree::Ident(word) = token else {
                continue;
            };
            let list = match word.to_string().as_str() {
                "fn" => &mut items.functions,
                "const" => &mut items.constants,
                _ => continue,
            };
            // `const fn` has a function's name after its second word; a pointer type has none.
            if let Some(TokenTree::Ident(name)) = tokens.next_if(|next| !is(next, "fn")) {
                list.push(name);
            }
        }
        items
    }
}

/// Whether it is this word, or no word at all.
fn is(token: &TokenTree, word: &str) -> bool {
    !matches!(token, TokenTree::Ident(ident) if ident != word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> String {
        let code = expand(TokenStream::new(), text.parse().expect("tokens")).expect("expands");
        code.to_string().replace(' ', "")
    }

    #[test]
    fn a_trait_says_that_nothing_is_there() {
        let code =
            expanded("pub trait A { fn open(&self) {} unsafe fn close(call: fn()); const X: u8; }");
        assert!(code.contains("constUSE_VTABLE_ATTR:();"), "{code}");
        assert!(code.contains("constHAS_OPEN:bool=false;"), "{code}");
        assert!(code.contains("constHAS_CLOSE:bool=false;"), "{code}");
        assert_eq!(code.matches("HAS_").count(), 2, "{code}");
    }

    #[test]
    fn an_implementation_says_what_it_has() {
        let code = expanded("impl<T> A for B<T> { fn open(&self) { fn inner() {} } const HAS_CLOSE: bool = false; fn close() {} }");
        assert!(code.contains("constUSE_VTABLE_ATTR:()=();"), "{code}");
        assert!(code.contains("constHAS_OPEN:bool=true;"), "{code}");
        assert_eq!(code.matches("HAS_CLOSE").count(), 1, "{code}");
        assert!(!code.contains("HAS_INNER"), "{code}");
    }

    #[test]
    fn other_items_and_arguments_are_refused() {
        let empty = TokenStream::new();
        assert!(expand(
            empty.clone(),
            quote!(
                struct A;
            )
        )
        .is_err());
        assert!(expand(
            empty,
            quote!(
                trait A = B;
            )
        )
        .is_err());
        assert!(expand(
            quote!(x),
            quote!(
                trait A {}
            )
        )
        .is_err());
    }
}
