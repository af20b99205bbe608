// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Reading `name: value` fields off a token stream, with errors that point at the token.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::quote_spanned;
use std::iter::Peekable;

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Error {
    span: Span,
    pub(crate) text: String,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(span: Span, text: impl Into<String>) -> Self {
        Self {
            span,
            text: text.into(),
        }
    }

    pub(crate) fn into_compile_error(self) -> TokenStream {
        let text = self.text;
        quote_spanned!(self.span => ::core::compile_error! { #text })
    }
}

/// Tokens that are read one after the other.
pub(crate) struct Tokens {
    inner: Peekable<proc_macro2::token_stream::IntoIter>,
    last: Span,
}

impl Tokens {
    pub(crate) fn new(stream: TokenStream) -> Self {
        Self {
            inner: stream.into_iter().peekable(),
            last: Span::call_site(),
        }
    }

    pub(crate) fn is_empty(&mut self) -> bool {
        self.inner.peek().is_none()
    }

    /// Where the last token was.
    pub(crate) fn span(&self) -> Span {
        self.last
    }

    fn next(&mut self, wanted: &str) -> Result<TokenTree> {
        let token = self
            .inner
            .next()
            .ok_or_else(|| Error::new(self.last, format!("{wanted} is missing")))?;
        self.last = token.span();
        Ok(token)
    }

    pub(crate) fn ident(&mut self, wanted: &str) -> Result<Ident> {
        match self.next(wanted)? {
            TokenTree::Ident(ident) => Ok(ident),
            other => Err(Error::new(other.span(), format!("{wanted} is expected"))),
        }
    }

    pub(crate) fn punct(&mut self, wanted: char) -> Result<()> {
        let name = format!("`{wanted}`");
        match self.next(&name)? {
            TokenTree::Punct(punct) if punct.as_char() == wanted => Ok(()),
            other => Err(Error::new(other.span(), format!("{name} is expected"))),
        }
    }

    /// A comma, unless this is the end.
    pub(crate) fn comma(&mut self) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        self.punct(',')
    }

    pub(crate) fn group(&mut self, delimiter: Delimiter, wanted: &str) -> Result<Group> {
        match self.next(wanted)? {
            TokenTree::Group(group) if group.delimiter() == delimiter => Ok(group),
            other => Err(Error::new(other.span(), format!("{wanted} is expected"))),
        }
    }

    /// A string literal without escapes and without zero bytes, as C strings and the kernel's tags are.
    pub(crate) fn string(&mut self, wanted: &str) -> Result<String> {
        let token = self.next(wanted)?;
        let text = token.to_string();
        let inner = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .filter(|text| !text.contains(['\\', '\0']));
        match inner {
            Some(inner) => Ok(inner.to_owned()),
            None => Err(Error::new(
                token.span(),
                format!("{wanted} is expected: a string in double quotes, without escapes"),
            )),
        }
    }

    /// `["a", "b"]`
    pub(crate) fn strings(&mut self, wanted: &str) -> Result<Vec<String>> {
        let list = self.group(Delimiter::Bracket, &format!("a list of {wanted}s"))?;
        let mut inner = Tokens::new(list.stream());
        let mut strings = Vec::new();
        while !inner.is_empty() {
            strings.push(inner.string(wanted)?);
            inner.comma()?;
        }
        Ok(strings)
    }

    /// Everything up to a comma or the end; not empty.
    pub(crate) fn until_comma(&mut self, wanted: &str) -> Result<TokenStream> {
        self.until(
            wanted,
            |token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','),
        )
    }

    /// Everything up to a group in braces or the end; not empty.
    pub(crate) fn until_brace(&mut self, wanted: &str) -> Result<TokenStream> {
        self.until(wanted, |token| {
            matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
        })
    }

    fn until(&mut self, wanted: &str, end: impl Fn(&TokenTree) -> bool) -> Result<TokenStream> {
        let mut taken = vec![self.next(wanted)?];
        while let Some(token) = self.inner.next_if(|token| !end(token)) {
            self.last = token.span();
            taken.push(token);
        }
        Ok(taken.into_iter().collect())
    }
}
