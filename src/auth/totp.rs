//! Codes of an authenticator: RFC 6238 with SHA-1, six digits, 30 seconds, which every app knows.

use codepiper_protocol::wire::auth::TotpSecret;
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use qrcode::QrCode;
use qrcode::render::{svg, unicode};
use totp_rs::{Builder, Secret, Totp};

use super::secret::random;

const ISSUER: &str = "CodePiper";
/// So many steps a clock may be wrong.
pub const SKEW: u16 = 1;
/// In seconds.
const STEP: u64 = 30;

/// A new secret, base32.
pub fn new_secret() -> Result<String, Problem> {
    Ok(Secret::from(random::<20>()?).to_base32())
}

pub fn is_secret(secret: &str) -> bool {
    totp(secret, "x").is_ok()
}

/// The step that the code belongs to, if it is right now.
pub fn step(secret: &str, code: &str, now: Timestamp) -> Option<u64> {
    let code = super::secret::typed(code);
    totp(secret, "x").ok()?.check(&code, u64::try_from(now.as_second()).ok()?)
}

/// The step of a time.
pub fn step_of(now: Timestamp) -> u64 {
    u64::try_from(now.as_second()).unwrap_or(0) / STEP
}

/// When a step begins.
pub fn begin_of(step: u64) -> Timestamp {
    let second = i64::try_from(step.saturating_mul(STEP)).ok();
    second.and_then(|second| Timestamp::from_second(second).ok()).unwrap_or(Timestamp::MAX)
}

/// What is shown of a secret; `account` says whose it is.
pub fn show(secret: &str, account: &str) -> Result<TotpSecret, Problem> {
    let uri = totp(secret, account)?.to_url().map_err(internal)?;
    let code = QrCode::new(&uri).map_err(internal)?;
    let image = code
        .render()
        .min_dimensions(200, 200)
        .dark_color(svg::Color("#000"))
        .light_color(svg::Color("#fff"))
        .build();
    let qr_svg = image.find("<svg").map(|start| image[start..].to_owned()).unwrap_or_default();
    Ok(TotpSecret { secret: secret.to_owned(), uri, qr_svg })
}

/// A text as a QR code for a terminal, light on dark.
pub fn qr_text(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let image = code.render::<unicode::Dense1x2>();
    Some({ image }.dark_color(unicode::Dense1x2::Light).light_color(unicode::Dense1x2::Dark).build())
}

fn totp(secret: &str, account: &str) -> Result<Totp, Problem> {
    let secret = Secret::try_from_base32(secret).map_err(internal)?;
    Builder::new()
        .with_secret(secret)
        .with_skew(SKEW)
        .with_issuer(Some(ISSUER))
        .with_account_name(account)
        .build()
        .map_err(internal)
}

fn internal(error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Internal, format!("cannot use the authenticator secret: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 6238, appendix B.
    const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn codes_are_those_of_the_rfc() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(step(KEY, "287082", at(59)), Some(1));
        assert_eq!(step(KEY, "287 082", at(89)), Some(1), "a clock may be a step late");
        assert_eq!(step(KEY, "287082", at(120)), None);
        assert_eq!(step(KEY, "081804", at(1_111_111_109)), Some(37_037_036));
        for wrong in ["", "28708", "2870820", "287083", "abcdef", "２８７０８２"] {
            assert_eq!(step(KEY, wrong, at(59)), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_can_be_scanned() {
        let shown = show(KEY, "me@host").unwrap();
        assert!(shown.uri.starts_with("otpauth://totp/CodePiper:me%40host?"), "{}", shown.uri);
        assert!(shown.uri.contains(KEY));
        assert!(shown.qr_svg.starts_with("<svg") && !shown.qr_svg.contains("style"));
        assert!(qr_text(&shown.uri).unwrap().lines().count() > 15);
    }
}
