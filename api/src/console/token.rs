//! The secret that the console's URL carries.

use control_table::clock::Entropy;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The longest token, in bytes. A choice: it is part of a URL and of headers.
const MAX_BYTES: usize = 256;

/// Said before the token where a cookie's value is made of it: what is in a browser's store is not the token.
const COOKIE_OF: &[u8] = b"scatter-gather console cookie\0";

/// A text that is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token has 1 to {MAX_BYTES} letters, digits or signs of ASCII, and no white space")]
pub struct InvalidToken;

/// The secret. Its text is shown once, in the first URL.
#[derive(Clone)]
pub struct Token {
    text: String,
    cookie: String,
}

impl Token {
    /// A new one of 128 random bits.
    #[must_use]
    pub fn random(entropy: &Entropy) -> Self {
        Self::of(format!("{}{}", entropy.nonce(), entropy.nonce()))
    }

    /// That text as a token.
    ///
    /// # Errors
    /// When a header or a URL could not carry it.
    pub fn new(text: &str) -> Result<Self, InvalidToken> {
        let is_usable = (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_usable { Ok(Self::of(text.to_owned())) } else { Err(InvalidToken) }
    }

    fn of(text: String) -> Self {
        let digest = Sha256::new().chain_update(COOKIE_OF).chain_update(&text).finalize();
        Self { cookie: engine::hex(&digest), text }
    }

    /// The token, to be shown to its holder.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The value of the cookie that stands for it.
    pub(super) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Whether that is the token. Takes as long for a wrong one as for the right one.
    pub(super) fn is(&self, text: &str) -> bool {
        self.text.as_bytes().ct_eq(text.as_bytes()).into()
    }

    /// Whether that is the value of its cookie.
    pub(super) fn is_cookie(&self, value: &str) -> bool {
        self.cookie.as_bytes().ct_eq(value.as_bytes()).into()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_and_its_cookie_is_not_it() {
        let token = Token::new("secret").unwrap();
        assert!(token.is("secret") && !token.is("secret2") && !token.is("") && !token.is("Secret"));
        assert!(token.is_cookie(token.cookie()) && !token.is_cookie("secret") && !token.is(token.cookie()));
        assert_eq!(format!("{token:?}"), "Token(…)");
        let (one, other) = (Token::random(&Entropy::from_seed(1)), Token::random(&Entropy::from_seed(2)));
        assert!(one.reveal().len() == 32 && one.reveal() != other.reveal());
        for text in ["", "a b", "é", "a\n", &"x".repeat(257)] {
            assert!(Token::new(text).is_err(), "{text:?}");
        }
    }
}
