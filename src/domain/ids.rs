//! Identities. All are UUIDs in their hyphenated text form, so that an operator can read them in the database and on labels.

use std::{fmt, str::FromStr};

use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$meta:meta])* $name:ident, $generate:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(uuid::fmt::Hyphenated);

        impl $name {
            /// A new, unique identity.
            #[expect(clippy::new_without_default, reason = "an identity is made on purpose, never by default")]
            pub fn new() -> Self {
                Self(Uuid::$generate().hyphenated())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self(Uuid::parse_str(text)?.hyphenated()))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

uuid_id!(
    /// An app. Time-ordered; keys its files and labels, so that a re-created slug inherits nothing.
    AppId,
    now_v7
);
uuid_id!(
    /// A deployment. People use its number instead.
    DeploymentId,
    now_v7
);
uuid_id!(
    /// A configuration as a deployment used it.
    SnapshotId,
    now_v7
);
uuid_id!(
    /// One sealed version of a secret; also the associated data of its seal.
    SecretId,
    now_v7
);
uuid_id!(
    /// This installation, on the label of everything it makes.
    InstanceId,
    new_v4
);
uuid_id!(
    /// The unguessable part of an app's webhook URL.
    WebhookId,
    new_v4
);
uuid_id!(
    /// A delivery. Time-ordered: lists sort by it.
    DeliveryId,
    now_v7
);
uuid_id!(
    /// A token for another program. Time-ordered: the list sorts by it.
    TokenId,
    now_v7
);
