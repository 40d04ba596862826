//! Web push: what a push service is sent. The text is encrypted for the browser (RFC 8291, `aes128gcm` of RFC 8188), and the
//! request is signed with the server's key (VAPID, RFC 8292).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use codepiper_protocol::wire::notification::PushSubscription;
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;

use super::outgoing::Target;

/// An uncompressed point of P-256, in bytes.
const POINT: usize = 65;
const AUTH: usize = 16;
/// The size of a record (RFC 8188): push services take at most 4096 bytes, and there is one record.
const RECORD: u32 = 4096;
/// Its text: without the head (86 bytes), the tag (16) and the delimiter.
pub const LONGEST: usize = RECORD as usize - 86 - 16 - 1;
/// A signature counts for so long; RFC 8292 allows a day.
const SIGNED_FOR: Duration = Duration::from_secs(12 * 3600);

/// The key by which push services know this daemon.
pub struct ServerKey {
    pkcs8: Vec<u8>,
    pair: EcdsaKeyPair,
}

/// What a browser gave to be encrypted for.
pub struct Keys {
    point: [u8; POINT],
    auth: [u8; AUTH],
}

/// How soon a device has to hear of it (RFC 8030 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    High,
    Normal,
    Low,
}

/// A request to a push service.
pub struct Request {
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl ServerKey {
    pub fn generate() -> Result<Self, Problem> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let failed = |_| Problem::new(Code::Internal, "cannot make a key for push notifications");
        Self::from_pkcs8(made.map_err(failed)?.as_ref().to_vec()).map_err(failed)
    }

    /// What [`ServerKey::stored`] gave.
    pub fn parse(stored: &str) -> Result<Self, Unspecified> {
        Self::from_pkcs8(STANDARD.decode(stored).map_err(|_| Unspecified)?)
    }

    fn from_pkcs8(pkcs8: Vec<u8>) -> Result<Self, Unspecified> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &SystemRandom::new());
        Ok(Self { pair: pair.map_err(|_| Unspecified)?, pkcs8 })
    }

    pub fn stored(&self) -> String {
        STANDARD.encode(&self.pkcs8)
    }

    /// The point, base64url.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key())
    }

    /// The header `Authorization` for that push service (RFC 8292 §3). `contact` is whom it may turn to: a URL.
    fn authorization(&self, service: &Target, contact: &str, now: Timestamp) -> Result<String, Unspecified> {
        let expires = now.as_second() + SIGNED_FOR.as_secs() as i64;
        let head = json!({"typ": "JWT", "alg": "ES256"});
        let claims = json!({"aud": service.origin(), "exp": expires, "sub": contact});
        let encoded = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encoded(head), encoded(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes())?;
        Ok(format!("vapid t={signed}.{}, k={}", URL_SAFE_NO_PAD.encode(signature), self.public()))
    }
}

impl Keys {
    /// # Errors
    /// Which of them is no key, and why.
    pub fn parse(subscription: &PushSubscription) -> Result<Self, String> {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
        let point = decode(&subscription.p256dh).ok().and_then(|bytes| bytes.try_into().ok());
        let point: [u8; POINT] = point.ok_or("p256dh is not a point of 65 bytes in base64url")?;
        if point[0] != 4 {
            return Err("p256dh is not an uncompressed point".to_owned());
        }
        let auth = decode(&subscription.auth).ok().and_then(|bytes| bytes.try_into().ok());
        Ok(Self { point, auth: auth.ok_or("auth is not 16 bytes in base64url")? })
    }

    /// The text for this browser alone.
    fn encrypt(&self, text: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        let own = EphemeralPrivateKey::generate(&ECDH_P256, &random)?;
        let own_point = own.compute_public_key()?;
        let mut salt = [0; 16];
        random.fill(&mut salt)?;
        let peer = UnparsedPublicKey::new(&ECDH_P256, &self.point);
        let info = [b"WebPush: info\0", &self.point[..], own_point.as_ref()].concat();
        let prk = agree_ephemeral(own, &peer, |secret| {
            let secret = Salt::new(HKDF_SHA256, &self.auth).extract(secret);
            let input = expand::<32>(&secret, &info)?;
            Ok::<_, Unspecified>(Salt::new(HKDF_SHA256, &salt).extract(&input))
        })??;
        let key = UnboundKey::new(&AES_128_GCM, &expand::<16>(&prk, b"Content-Encoding: aes128gcm\0")?)?;
        let nonce = Nonce::assume_unique_for_key(expand(&prk, b"Content-Encoding: nonce\0")?);
        // The last record, without padding.
        let mut sealed = [text, &[2]].concat();
        LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed)?;
        Ok([&salt[..], &RECORD.to_be_bytes(), &[POINT as u8], own_point.as_ref(), &sealed].concat())
    }
}

/// So many bytes of a key.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(prk: &Prk, info: &[u8]) -> Result<[u8; N], Unspecified> {
    let mut bytes = [0; N];
    prk.expand(&[info], Length(N))?.fill(&mut bytes)?;
    Ok(bytes)
}

impl Urgency {
    fn name(self) -> &'static str {
        match self {
            Urgency::High => "high",
            Urgency::Normal => "normal",
            Urgency::Low => "low",
        }
    }
}

/// The request that brings `text` to a browser. `topic`: what is on its way with the same one is replaced. `ttl`: how long the
/// push service keeps it for a device that is away.
///
/// # Errors
/// A key cannot be used, or the text is too long.
pub fn request(
    key: &ServerKey,
    subscription: &PushSubscription,
    contact: &str,
    topic: &str,
    urgency: Urgency,
    ttl: Duration,
    text: &[u8],
) -> Result<Request, String> {
    let keys = Keys::parse(subscription)?;
    let service = Target::parse(&subscription.endpoint)?;
    if text.len() > LONGEST {
        return Err(format!("{} bytes are too many for a push message", text.len()));
    }
    let failed = |_| "the keys of the push subscription cannot be used".to_owned();
    let authorization = key.authorization(&service, contact, Timestamp::now()).map_err(failed)?;
    let headers = vec![
        ("authorization", authorization),
        ("content-encoding", "aes128gcm".to_owned()),
        ("content-type", "application/octet-stream".to_owned()),
        ("ttl", ttl.as_secs().to_string()),
        ("topic", topic.to_owned()),
        ("urgency", urgency.name().to_owned()),
    ];
    Ok(Request { headers, body: keys.encrypt(text).map_err(failed)? })
}

#[cfg(test)]
mod tests {
    use ring::aead::Tag;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey as Verifier};

    use super::*;

    const AUTH_SECRET: [u8; 16] = *b"sixteen bytes ok";

    /// As the browser does it, by RFC 8291 §3.4.
    fn decrypt(own: EphemeralPrivateKey, body: &[u8]) -> Vec<u8> {
        let (salt, rest) = body.split_at(16);
        assert_eq!(rest[..5], [0, 0, 16, 0, 65]);
        let (sender, sealed) = rest[5..].split_at(POINT);
        let own_point = own.compute_public_key().unwrap();
        let info = [b"WebPush: info\0", own_point.as_ref(), sender].concat();
        let peer = UnparsedPublicKey::new(&ECDH_P256, sender);
        let prk = agree_ephemeral(own, &peer, |secret| {
            let secret = Salt::new(HKDF_SHA256, &AUTH_SECRET).extract(secret);
            Salt::new(HKDF_SHA256, salt).extract(&expand::<32>(&secret, &info).unwrap())
        });
        let prk = prk.unwrap();
        let key = expand::<16>(&prk, b"Content-Encoding: aes128gcm\0").unwrap();
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let nonce = Nonce::assume_unique_for_key(expand(&prk, b"Content-Encoding: nonce\0").unwrap());
        let (text, tag) = sealed.split_at(sealed.len() - 16);
        let mut text = text.to_vec();
        let tag = Tag::try_from(tag).unwrap();
        key.open_in_place_separate_tag(nonce, Aad::empty(), tag, &mut text, 0..).unwrap();
        assert_eq!(text.pop(), Some(2));
        text
    }

    fn browser() -> (EphemeralPrivateKey, PushSubscription) {
        let own = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).unwrap();
        let subscription = PushSubscription {
            endpoint: "https://push.example:8443/send/abc".to_owned(),
            p256dh: URL_SAFE_NO_PAD.encode(own.compute_public_key().unwrap()),
            auth: URL_SAFE_NO_PAD.encode(AUTH_SECRET),
        };
        (own, subscription)
    }

    #[test]
    fn only_the_browser_can_read_what_is_pushed() {
        for text in [&b""[..], b"{}", &[b'x'; LONGEST]] {
            let (own, subscription) = browser();
            let key = ServerKey::generate().unwrap();
            let push = request(
                &key,
                &subscription,
                "https://host",
                "t",
                Urgency::High,
                Duration::from_secs(60),
                text,
            );
            let push = push.unwrap();
            assert!(push.body.len() <= RECORD as usize);
            assert_eq!(decrypt(own, &push.body), text);
        }
    }

    #[test]
    fn a_push_service_knows_who_sends() {
        let (_, subscription) = browser();
        let key = ServerKey::generate().unwrap();
        let key = ServerKey::parse(&key.stored()).unwrap();
        let push = request(
            &key,
            &subscription,
            "https://host",
            "topic",
            Urgency::Low,
            Duration::from_secs(60),
            b"x",
        );
        let headers = push.unwrap().headers;
        let header = |name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!(
            (header("ttl"), header("topic"), header("urgency")),
            (Some("60"), Some("topic"), Some("low"))
        );
        let token = header("authorization").and_then(|value| value.strip_prefix("vapid t=")).unwrap();
        let (token, public) = token.split_once(", k=").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        Verifier::new(&ECDSA_P256_SHA256_FIXED, decode(public))
            .verify(signed.as_bytes(), &decode(signature))
            .unwrap();
        let claims: serde_json::Value =
            serde_json::from_slice(&decode(signed.split_once('.').unwrap().1)).unwrap();
        assert_eq!(
            (&claims["aud"], &claims["sub"]),
            (&json!("https://push.example:8443"), &json!("https://host"))
        );
        let lasts = claims["exp"].as_i64().unwrap() - Timestamp::now().as_second();
        assert!((0..24 * 3600).contains(&lasts), "{lasts}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let (_, good) = browser();
        assert!(Keys::parse(&good).is_ok());
        let short = PushSubscription { auth: "AAAA".to_owned(), ..good.clone() };
        assert!(Keys::parse(&short).err().unwrap().contains("auth"));
        for p256dh in ["", "!", "AAAA", &URL_SAFE_NO_PAD.encode([2; POINT])] {
            let wrong = PushSubscription { p256dh: p256dh.to_owned(), ..good.clone() };
            assert!(Keys::parse(&wrong).err().unwrap().contains("p256dh"));
        }
        // On no curve.
        let nowhere = PushSubscription { p256dh: URL_SAFE_NO_PAD.encode([4; POINT]), ..good };
        let key = ServerKey::generate().unwrap();
        let lasts = Duration::from_secs(1);
        assert!(request(&key, &nowhere, "https://host", "t", Urgency::High, lasts, b"").is_err());
    }
}
