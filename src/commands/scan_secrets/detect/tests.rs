//! The rules that are shipped, rule by rule, and the engine, on secrets that are made at run time.

use crate::commands::scan_secrets::detect::allow::IgnoreFile;
use crate::commands::scan_secrets::detect::engine::Engine;
use crate::commands::scan_secrets::detect::file::RuleFile;
use crate::commands::scan_secrets::detect::finding::{Finding, Source, Start, Tolerance};
use crate::commands::scan_secrets::detect::judge::judge;
use crate::commands::scan_secrets::detect::rules::{BUILT_IN, Origin, Ruleset, RulesetBuilder, SearchPlan};
use crate::format::config::{self, Format};
use std::collections::BTreeSet;

const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789abcdef";

fn alnum() -> String {
    format!("{UPPER}{LOWER}{DIGITS}")
}

/// `count` characters of `alphabet`, always the same for the same seed, with every kind of it in front.
fn noise(alphabet: &str, count: usize, seed: u64) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        letters[usize::try_from(state >> 33).unwrap() % letters.len()]
    };
    (0..count).map(|_| next()).collect()
}

fn compile(text: &str, origin: Origin) -> Result<Ruleset, String> {
    let file: RuleFile = config::read(text, Format::Toml).map_err(|error| error.to_string())?;
    RulesetBuilder::default().extend(file, origin)?.compile()
}

fn built_in() -> Ruleset {
    compile(BUILT_IN, Origin::BuiltIn).expect("the shipped rules are valid")
}

fn nothing_tolerated() -> Tolerance {
    let today = "2026-03-10".parse().unwrap();
    Tolerance { ignored: IgnoreFile::default(), baseline: BTreeSet::new(), today }
}

fn findings(ruleset: &Ruleset, text: &str) -> Vec<Finding> {
    let text = text.as_bytes();
    let hits = Engine::new(ruleset).scan(text, true).expect("scanned");
    let source = Source { path: "src/x.py", commit: None };
    judge(ruleset, &nothing_tolerated(), source, text, Start::default(), 0..text.len() + 1, &hits).unwrap()
}

fn rules_found(ruleset: &Ruleset, text: &str) -> Vec<String> {
    findings(ruleset, text).into_iter().map(|finding| finding.rule).collect()
}

/// For each rule: text that it finds, then text that looks like it and is none.
#[expect(clippy::too_many_lines, reason = "a table")]
fn samples() -> Vec<(&'static str, Vec<String>, Vec<String>)> {
    let an = |count, seed| noise(&alnum(), count, seed);
    let up = |count, seed| noise(&format!("{UPPER}{DIGITS}"), count, seed);
    let hex = |count, seed| noise(HEX, count, seed);
    let b64 = |count, seed| noise(&format!("{}+/", alnum()), count, seed);
    let url = |count, seed| noise(&format!("{}-_", alnum()), count, seed);
    let uuid = |seed| {
        [8, 4, 4, 4, 12].iter().zip(seed..).map(|(n, s)| noise(HEX, *n, s)).collect::<Vec<_>>().join("-")
    };
    let pem = |kind: &str| format!("-----BEGIN {kind}PRIVATE{}KEY-----", " ");
    vec![
        (
            "aws-access-token",
            ["AKIA", "ASIA", "ABIA", "ACCA"].iter().map(|head| format!("x={head}{}", up(16, 1))).collect(),
            vec![
                format!("AKIA{}", up(15, 1)),
                format!("XAKIA{}", up(16, 1)),
                format!("AKIA{}", "A".repeat(16)),
            ],
        ),
        (
            "aws-secret-access-key",
            vec![
                format!("aws_secret_access_key = \"{}\"", b64(40, 2)),
                format!("AWS_SECRET_ACCESS_KEY={}\n", b64(40, 3)),
                format!("<SecretAccessKey>{}</SecretAccessKey>", b64(40, 4)),
            ],
            vec![format!("secret_access_key = \"{}\"", b64(39, 2)), "secret_access_key = ${KEY}".to_owned()],
        ),
        (
            "aws-session-token",
            vec![format!("aws_session_token = \"{}{}\"", "IQoJ", b64(200, 5))],
            vec![format!("aws_session_token = \"{}\"", &b64(3, 5))],
        ),
        ("aws-mws-key", vec![format!("amzn.mws.{}", uuid(6))], vec!["amzn.mws.none".to_owned()]),
        (
            "gcp-api-key",
            vec![format!("k: {}{}", "AIza", url(35, 7))],
            vec![format!("AIza{}", url(30, 7)), format!("AIza{}", url(40, 7))],
        ),
        (
            "gcp-oauth-client-secret",
            vec![format!("{}-{}", "GOCSPX", url(28, 8))],
            vec![format!("GOCSPX-{}", url(9, 8))],
        ),
        ("gcp-oauth-access-token", vec![format!("ya29.{}", url(120, 9))], vec!["ya29.short".to_owned()]),
        (
            "azure-ad-client-secret",
            vec![format!("s = '{}8Q~{}'", an(3, 10), an(34, 11))],
            vec![format!("s = '{}8Q~{}'", an(3, 10), an(20, 11))],
        ),
        (
            "azure-storage-account-key",
            vec![format!("AccountKey={}==;", b64(86, 12))],
            vec![format!("AccountKey={}==;", b64(40, 12))],
        ),
        (
            "azure-shared-access-key",
            vec![format!("SharedAccessKey={}=", b64(43, 13))],
            vec!["SharedAccessKey=".to_owned()],
        ),
        (
            "azure-sas-signature",
            vec![format!("https://x/y?sv=1&sig={}%3D", an(43, 14))],
            vec!["?sig=none".to_owned()],
        ),
        ("alibaba-access-key-id", vec![format!("LTAI{}", an(20, 15))], vec![format!("LTAI{}", an(30, 15))]),
        (
            "digitalocean-token",
            vec![format!("dop_v1_{}", hex(64, 16))],
            vec![format!("dop_v1_{}", hex(63, 16))],
        ),
        (
            "cloudflare-origin-ca-key",
            vec![format!("v1.0-{}-{}", hex(24, 17), hex(146, 18))],
            vec!["v1.0-abc".to_owned()],
        ),
        ("heroku-api-key", vec![format!("HRKU-AA{}", url(58, 19))], vec!["HRKU-AA".to_owned()]),
        ("hashicorp-vault-token", vec![format!("hvs.{}", url(95, 20))], vec![format!("hvs.{}", url(20, 20))]),
        (
            "hashicorp-tf-api-token",
            vec![format!("{}.atlasv1.{}", an(14, 21), an(67, 22))],
            vec!["x.atlasv1.y".to_owned()],
        ),
        ("databricks-api-token", vec![format!("dapi{}", hex(32, 23))], vec![format!("dapi{}", hex(20, 23))]),
        ("pulumi-api-token", vec![format!("pul-{}", hex(40, 24))], vec![format!("pul-{}", hex(39, 24))]),
        (
            "grafana-service-account-token",
            vec![format!("glsa_{}_{}", an(32, 25), hex(8, 26))],
            vec!["glsa_x".to_owned()],
        ),
        ("sentry-token", vec![format!("sntryu_{}", hex(64, 27))], vec!["sntryu_".to_owned()]),
        (
            "openai-api-key",
            vec![format!("sk-proj-{}T3Blbk{}{}", url(60, 28), "FJ", url(60, 29))],
            vec![format!("sk-{}", an(48, 28))],
        ),
        (
            "anthropic-api-key",
            vec![format!("sk-ant-api03-{}AA", url(93, 30))],
            vec!["sk-ant-api03-none".to_owned()],
        ),
        (
            "huggingface-access-token",
            vec![format!("hf_{}", noise(&format!("{UPPER}{LOWER}"), 34, 31))],
            vec!["hf_hub_download".to_owned()],
        ),
        (
            "github-pat",
            vec![format!("ghp_{}", an(36, 32)), format!("\"ghp_{}\"", an(40, 33))],
            vec![format!("ghp_{}", an(35, 32)), format!("xghp_{}", an(36, 32))],
        ),
        (
            "github-fine-grained-pat",
            vec![format!("github_pat_{}_{}", an(22, 34), an(59, 35))],
            vec!["github_pat_x".to_owned()],
        ),
        ("github-oauth", vec![format!("gho_{}", an(36, 36))], vec![format!("gho_{}", an(20, 36))]),
        (
            "github-app-token",
            vec![format!("ghs_{}", an(36, 37)), format!("ghu_{}", an(36, 38))],
            vec![format!("ght_{}", an(36, 37))],
        ),
        ("github-refresh-token", vec![format!("ghr_{}", an(76, 39))], vec!["ghr_".to_owned()]),
        ("gitlab-pat", vec![format!("glpat-{}", url(20, 40))], vec!["glpat-x".to_owned()]),
        (
            "gitlab-token",
            vec![format!("gldt-{}", an(20, 41)), format!("glrt-{}", an(20, 42))],
            vec!["gldt-x".to_owned()],
        ),
        ("gitlab-rrt", vec![format!("GR1348941{}", an(20, 43))], vec!["GR1348941".to_owned()]),
        ("atlassian-api-token", vec![format!("ATATT3x{}", an(180, 44))], vec!["ATATT3x".to_owned()]),
        (
            "slack-token",
            vec![
                format!("xoxb-{}-{}-{}", noise(DIGITS, 12, 45), noise(DIGITS, 12, 46), an(24, 47)),
                format!("xoxp-{}", an(40, 48)),
            ],
            vec!["xoxb-not-a-token".to_owned()],
        ),
        (
            "slack-app-token",
            vec![format!("xapp-1-{}-{}-{}", up(11, 49), noise(DIGITS, 13, 50), hex(64, 51))],
            vec!["xapp-1".to_owned()],
        ),
        (
            "slack-webhook-url",
            vec![format!("https://hooks.slack.com/services/T{}/B{}/{}", up(10, 52), up(10, 53), an(24, 54))],
            vec!["https://hooks.slack.com/services/".to_owned()],
        ),
        (
            "discord-webhook-url",
            vec![format!("https://discord.com/api/webhooks/{}/{}", noise(DIGITS, 18, 55), url(68, 56))],
            vec!["https://discord.com/api/webhooks/".to_owned()],
        ),
        (
            "discord-bot-token",
            vec![format!("DISCORD_TOKEN=M{}.{}.{}", url(25, 57), url(6, 58), url(38, 59))],
            vec![format!("PLAIN=M{}.{}.{}", url(25, 57), url(6, 58), url(38, 59))],
        ),
        (
            "telegram-bot-api-token",
            vec![
                format!("t={}:AA{}", noise("123456789", 10, 60), url(33, 61)),
                format!("https://api.telegram.org/bot{}:AA{}/", noise("123456789", 9, 60), url(33, 62)),
            ],
            vec!["12:AA34".to_owned()],
        ),
        (
            "microsoft-teams-webhook",
            vec![format!(
                "https://x.webhook.office.com/webhookb2/{}@{}/IncomingWebhook/{}/{}",
                uuid(63),
                uuid(70),
                hex(32, 64),
                uuid(80)
            )],
            vec!["x.webhook.office.com/webhookb2/".to_owned()],
        ),
        (
            "pagerduty-routing-key",
            vec![format!("routing_key: {}", hex(32, 65)), format!("service_key: 'R0{}'", up(30, 66))],
            vec!["routing_key: orders.created".to_owned()],
        ),
        (
            "stripe-access-token",
            vec![
                format!("sk_live_{}", an(24, 67)),
                format!("sk_test_{}", an(24, 68)),
                format!("rk_live_{}", an(24, 69)),
            ],
            vec!["sk_live_".to_owned(), format!("task_live_{}", an(24, 67))],
        ),
        ("stripe-webhook-secret", vec![format!("whsec_{}", an(32, 70))], vec!["whsec_".to_owned()]),
        (
            "square-access-token",
            vec![format!("sq0csp-{}", url(43, 71)), format!("sq0atp-{}", url(22, 72))],
            vec!["sq0csp-".to_owned()],
        ),
        (
            "braintree-access-token",
            vec![format!("access_token$production${}${}", an(16, 73).to_lowercase(), hex(32, 74))],
            vec!["access_token$production$".to_owned()],
        ),
        ("razorpay-key", vec![format!("rzp_live_{}", an(14, 75))], vec!["rzp_live_".to_owned()]),
        ("shopify-token", vec![format!("shpat_{}", hex(32, 76))], vec!["shpat_".to_owned()]),
        (
            "facebook-access-token",
            vec![format!("EAACEdEose0cBA{}", an(80, 77))],
            vec!["EAACEdEose0cBA".to_owned()],
        ),
        (
            "sendgrid-api-token",
            vec![format!("SG.{}.{}", url(22, 78), url(43, 79))],
            vec!["SG.x.y".to_owned()],
        ),
        ("mailgun-private-api-token", vec![format!("key-{}", hex(32, 80))], vec!["key-value".to_owned()]),
        ("mailchimp-api-key", vec![format!("{}-us12", hex(32, 81))], vec!["deadbeef-us12".to_owned()]),
        (
            "twilio-api-key",
            vec![format!("twilio = Client('SK{}')", hex(32, 82))],
            vec![format!("x = 'SK{}'", hex(32, 82))],
        ),
        (
            "private-key",
            ["", "RSA ", "DSA ", "EC ", "OPENSSH ", "ENCRYPTED "]
                .iter()
                .map(|kind| pem(kind))
                .chain([
                    format!("-----BEGIN PGP PRIVATE{}KEY BLOCK-----", " "),
                    format!("---- BEGIN SSH2 ENCRYPTED PRIVATE{}KEY ----", " "),
                    format!("PuTTY-User-Key-File-{}: ssh-rsa", 3),
                    format!("\"{}\\n{}\\n\"", pem("EC "), b64(64, 83)),
                ])
                .collect(),
            vec![
                "-----BEGIN PUBLIC KEY-----".to_owned(),
                "-----BEGIN CERTIFICATE-----".to_owned(),
                "-----END RSA PRIVATE KEY-----".to_owned(),
            ],
        ),
        (
            "age-secret-key",
            vec![format!("AGE-SECRET-KEY-1{}", noise("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58, 84))],
            vec!["AGE-SECRET-KEY-1".to_owned()],
        ),
        (
            "minisign-secret-key",
            vec![format!("untrusted comment: minisign encrypted secret key\nRW{}==\n", b64(208, 85))],
            vec!["minisign encrypted secret key".to_owned()],
        ),
        (
            "jwt",
            vec![format!("eyJ{}.eyJ{}.{}", an(30, 86), an(60, 87), url(43, 88))],
            vec![format!("eyJ{}", an(60, 86))],
        ),
        ("npm-access-token", vec![format!("npm_{}", an(36, 89))], vec!["npm_config_registry".to_owned()]),
        (
            "npmrc-auth",
            vec![format!("//r.example/:_authToken={}", uuid(90))],
            vec!["//r.example/:_authToken=${NPM_TOKEN}".to_owned()],
        ),
        ("pypi-upload-token", vec![format!("pypi-AgE{}", url(120, 91))], vec!["pypi-AgE".to_owned()]),
        ("docker-pat", vec![format!("dckr_pat_{}", url(27, 92))], vec!["dckr_pat_".to_owned()]),
        (
            "docker-config-auth",
            vec![format!("{{\"auths\": {{\"r.example\": {{\"auth\": \"{}\"}}}}}}", b64(44, 93))],
            vec!["{\"auths\": {}}".to_owned()],
        ),
        (
            "rubygems-api-token",
            vec![format!("rubygems_{}", hex(48, 94))],
            vec!["rubygems_version".to_owned()],
        ),
        ("crates-io-api-token", vec![format!("cio{}", an(32, 95))], vec!["ciox".to_owned()]),
        (
            "nuget-api-key",
            vec![format!("oy2{}", noise(&format!("{LOWER}{DIGITS}"), 43, 96))],
            vec!["oy2".to_owned()],
        ),
        (
            "database-url",
            [
                "postgres",
                "postgresql",
                "mysql",
                "mongodb+srv",
                "redis",
                "rediss",
                "amqps",
                "postgresql+asyncpg",
            ]
            .iter()
            .map(|scheme| format!("{scheme}://bot:{}@db.internal:5432/live", an(12, 97)))
            .chain([
                format!("redis://:{}@cache:6379", an(12, 98)),
                format!("mysql://bot:{}@db/x", "hunter2x"),
                format!("postgres://postgres:{}@ledger-db.prod.internal/t", "postgres"),
                format!("postgres://root:{}@10.1.2.3/t", "admin"),
                format!("postgres://root:{}@127.0.0.10/t", "admin"),
                format!("postgres://root:{}@localhost.internal/t", "admin"),
                format!("mysql://bot:%40{}@db/x", an(12, 125)),
                format!("mysql://bot:{}{{x@db/x", an(12, 126)),
            ])
            .collect(),
            vec![
                "postgres://bot:${DB_PASSWORD}@db/x".to_owned(),
                "postgres://user:password@host/x".to_owned(),
                "postgres://postgres:postgres@localhost/x".to_owned(),
                "postgres://postgres:postgres@[::1]:5432/x".to_owned(),
                "mysql://root:root@127.0.0.1:3306/x".to_owned(),
                "mysql://bot:%DB_PASSWORD%@db/x".to_owned(),
                "mysql://bot:%(password)s@db/x".to_owned(),
                "mysql://bot:pre{{ password }}@db/x".replace(' ', ""),
                "postgres://db.internal/x".to_owned(),
                "redis://localhost:6379/0".to_owned(),
            ],
        ),
        (
            "url-credentials",
            vec![
                format!("https://deploy:{}@git.internal/x.git", an(16, 99)),
                format!("https://feedbot:Zr8%40{}@feeds.internal/", an(10, 127)),
                format!("https://feedbot:%40{}@feeds.internal/", an(10, 127)),
                format!("https://feedbot:a*{}@feeds.internal/", an(10, 127)),
            ],
            vec![
                "https://user:password@host.internal/".to_owned(),
                "https://oauth2:${GIT_TOKEN_2}@git.internal/".to_owned(),
                "https://oauth2:%GIT_TOKEN_2%@git.internal/".to_owned(),
                "https://oauth2:#{token_of_git2}@git.internal/".to_owned(),
                "https://oauth2:********@git.internal/".to_owned(),
                "http://localhost:8080/a@b.c/".to_owned(),
            ],
        ),
        (
            "binance-api-key",
            vec![
                format!("BINANCE_API_SECRET={}\n", an(64, 100)),
                format!("binance:\n  api_key: {}\n", an(64, 101)),
                format!("exchanges = {{\"binance\": {{\"apiKey\": \"{}\"}}}}", an(64, 102)),
            ],
            vec!["BINANCE_API_KEY=${BINANCE_API_KEY}".to_owned()],
        ),
        (
            "bybit-api-key",
            vec![
                format!("bybit_api_secret = {}\n", an(36, 103)),
                format!("BYBIT_API_KEY=\"{}\"", an(18, 104)),
            ],
            vec!["bybit_api_secret = os.environ[\"BYBIT_API_SECRET\"]".to_owned()],
        ),
        (
            "okx-api-key",
            vec![
                format!("OKX_API_KEY={}", uuid(105)),
                format!("okx_secret_key: \"{}\"", noise("0123456789ABCDEF", 32, 106)),
                format!("okx:\n  passphrase: \"{}!x9\"\n", an(10, 107)),
            ],
            vec!["okx_passphrase: \"passphrase_of_account\"".to_owned()],
        ),
        (
            "coinbase-api-key",
            vec![
                format!("COINBASE_API_SECRET={}==", b64(86, 108)),
                format!("coinbase_api_key = '{}'", an(32, 109)),
            ],
            vec!["COINBASE_API_KEY=".to_owned()],
        ),
        (
            "coinbase-cdp-key-name",
            vec![format!("organizations/{}/apiKeys/{}", uuid(110), uuid(111))],
            vec!["organizations/x/apiKeys/y".to_owned()],
        ),
        (
            "kraken-api-key",
            vec![
                format!("KRAKEN_PRIVATE_KEY={}==", b64(86, 112)),
                format!("kraken_api_key: '{}'", b64(56, 113)),
            ],
            vec!["KRAKEN_KEY=x".to_owned()],
        ),
        (
            "deribit-api-secret",
            vec![format!("DERIBIT_CLIENT_SECRET={}", url(43, 114))],
            vec!["DERIBIT_CLIENT_SECRET=x".to_owned()],
        ),
        (
            "generic-api-key",
            vec![
                format!("api_key = \"{}\"", an(32, 115)),
                format!("x = secret_key: \"{}\"", an(40, 116)),
                format!("authToken='{}'", an(24, 117)),
                format!("const API_KEY: &str = \"{}\";", hex(32, 118)),
                format!("{{\"clientSecret\": \"{}\"}}", uuid(119)),
                format!("settings[\"access_key\"] = \"{}\"", an(20, 120)),
                format!("body = \"{{\\\"token\\\": \\\"{}\\\"}}\"", an(20, 124)),
            ],
            vec![
                "api_key = \"your-api-key-here\"".to_owned(),
                "token = \"abcdefghijklmnop\"".to_owned(),
                "secret = \"{{ vault.secret }}\"".to_owned(),
                "SECRET_KEY = \"MY_SECRET_KEY_NAME\"".to_owned(),
                "token_type = \"AuthorizationCodeGrant\"".to_owned(),
                format!("key_of_map = \"{}\"", an(32, 115)),
            ],
        ),
        (
            "generic-api-key-unquoted",
            vec![
                format!("API_SECRET={}\n", an(32, 121)),
                format!("api_secret: {}\n", hex(40, 122)),
                format!("export AUTH_TOKEN={}\r\nx", an(40, 123)),
                format!("API_SECRET=/{}/{}=\n", an(20, 128), an(22, 129)),
                format!("API_SECRET={}\0", an(32, 130)),
            ],
            vec![
                "token = self_signed_token_factory2\n".to_owned(),
                "SECRET_KEY=${SECRET_KEY}\n".to_owned(),
                "secret: projects/x/secrets/name\n".to_owned(),
                "SECRET_FILE: /run/secrets/TradingBot/key-2024\n".to_owned(),
            ],
        ),
        (
            "generic-password",
            vec![
                format!("password = \"{}\"", "hunter2hunter"),
                format!("\"passwd\": \"{}\"", "c0rrect-horse"),
                format!("DB_PASSWORD = '{}'", "Tr0ub4dor&3"),
            ],
            vec![
                "password = \"\"".to_owned(),
                "password = \"$DB_PASSWORD_1\"".to_owned(),
                "password_label = \"Enter-your-password\"".to_owned(),
            ],
        ),
        (
            "generic-password-unquoted",
            vec![
                format!("DB_PASSWORD={}\n", "s3cr3tPassw0rd!"),
                format!("password: {}\n", "xK9_mQ2-vL7p"),
                format!("DB_PASSWORD={}\n", "qWeRt!zUiOp&asDfG@Xk"),
                format!("DB_PASSWORD=/{}\n", "xK9_mQ2-vL7p"),
                format!("DB_PASSWORD=%{}\n", "xK9_mQ2-vL7p"),
            ],
            vec![
                "password: changeme\n".to_owned(),
                "PASSWORD=/run/secrets/db1\n".to_owned(),
                "PASSWORD=%DB_PASSWORD_1%\n".to_owned(),
            ],
        ),
    ]
}

#[test]
fn every_shipped_rule_finds_its_kind_and_leaves_alone_what_only_looks_like_it() {
    let ruleset = built_in();
    let samples = samples();
    for (rule, secrets, others) in &samples {
        for text in secrets {
            for text in
                [text.clone(), format!("a line\n\t# {text}\nmore"), format!("{}{text}", "x y\n".repeat(500))]
            {
                let found = rules_found(&ruleset, &text);
                assert_eq!(found, [*rule], "{rule} in {text}");
            }
        }
        for text in others {
            assert!(!rules_found(&ruleset, text).contains(&(*rule).to_owned()), "{rule} in {text}");
        }
    }
    let covered: BTreeSet<&str> = samples.iter().map(|(rule, ..)| *rule).collect();
    let shipped: BTreeSet<&str> = ruleset.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(covered, shipped);
}

#[test]
fn no_shipped_rule_needs_a_pass_of_its_own() {
    for rule in built_in().rules {
        assert!(matches!(rule.search, SearchPlan::Near { .. }), "{} {:?}", rule.id, rule.search);
    }
}

#[test]
fn a_rule_that_lacks_its_companion_hides_nothing() {
    let own = "[[rules]]\nid = 'acme-key'\nregex = '''acme_[a-z0-9]{24}'''\n\
        [[rules.required]]\nid = 'acme-id'\nwithinLines = 2\n\
        [[rules]]\nid = 'acme-id'\nregex = '''acme id [0-9]{6}'''\nskipReport = true\n";
    let built_in: RuleFile = config::read(BUILT_IN, Format::Toml).unwrap();
    let own: RuleFile = config::read(own, Format::Toml).unwrap();
    let builder = RulesetBuilder::default().extend(built_in, Origin::BuiltIn).unwrap();
    let ruleset = builder.extend(own, Origin::Operator).unwrap().compile().unwrap();
    let line = format!("api_key = \"acme_{}\"\n", noise(&format!("{LOWER}{DIGITS}"), 24, 131));
    assert_eq!(rules_found(&ruleset, &line), ["generic-api-key"]);
    assert_eq!(rules_found(&ruleset, &format!("{line}acme id 123456\n")), ["acme-key"]);
}
