//! What proves to a receiver that an event comes from the farm and when it was sent, as the Standard Webhooks specification has it.
//! The time is an argument.

use data_encoding::BASE64;
use ring::hmac;

/// Bytes of a secret, as the specification wants them.
const BYTES_MIN: usize = 24;
const BYTES_MAX: usize = 64;
/// Characters of the longest file that is looked at.
const TEXT_MAX: usize = 256;
/// What secrets of other makers begin with.
const PREFIX: &str = "whsec_";

/// The secret that the farm shares with the receivers. `Debug` hides it.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// A text is no secret. It is not repeated here: it may be one that is nearly right.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "it holds no base64 of {BYTES_MIN} to {BYTES_MAX} random bytes; `openssl rand -base64 32` makes some"
)]
pub struct NoSecret;

impl std::str::FromStr for WebhookSecret {
    type Err = NoSecret;

    /// Reads base64, with `whsec_` before it or not.
    fn from_str(text: &str) -> Result<WebhookSecret, NoSecret> {
        let text = text.trim();
        let digits = text.strip_prefix(PREFIX).unwrap_or(text);
        if digits.len() > TEXT_MAX {
            return Err(NoSecret);
        }
        let bytes = BASE64.decode(digits.as_bytes()).map_err(|_| NoSecret)?;
        match (BYTES_MIN..=BYTES_MAX).contains(&bytes.len()) {
            true => Ok(WebhookSecret(hmac::Key::new(hmac::HMAC_SHA256, &bytes))),
            false => Err(NoSecret),
        }
    }
}

impl WebhookSecret {
    /// The value of the header `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, at_s: u64, body: &str) -> String {
        let mac = hmac::sign(&self.0, format!("{id}.{at_s}.{body}").as_bytes());
        format!("v1,{}", BASE64.encode(mac.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn a_signature_is_the_one_that_the_specifications_libraries_make() {
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let bare: WebhookSecret = " MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n".parse().unwrap();
        assert_eq!(bare.sign("a", 1, "b"), secret.sign("a", 1, "b"));
        let base = secret.sign("a", 1, "b");
        for (id, at_s, body) in [("c", 1, "b"), ("a", 2, "b"), ("a", 1, "c")] {
            assert_ne!(secret.sign(id, at_s, body), base);
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        let long = BASE64.encode(&[7; 65]);
        for text in ["", "secret", "whsec_", "c2hvcnQ=", long.as_str(), &"A".repeat(9999)] {
            let refused = text.parse::<WebhookSecret>().unwrap_err();
            assert!(text.is_empty() || !refused.to_string().contains(text), "{refused}");
        }
        let secret: WebhookSecret = BASE64.encode(&[7; 24]).parse().unwrap();
        assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
    }
}
