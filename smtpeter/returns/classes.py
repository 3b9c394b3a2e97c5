"""Tables: what failed, by the words of a diagnostic and by enhanced status codes.

What is not about the recipient comes first, so that a doubt never makes a recipient unknown.
"""

from __future__ import annotations

from smtpeter.message.refusal import FailureClass
from smtpeter.returns.phrases import folded

# The class, phrases that are certain, phrases that are not.
CLASSES: tuple[tuple[FailureClass, tuple[str, ...], tuple[str, ...]], ...] = (
    # About the sender's address, whose faults are told in the same words as the recipient's.
    (FailureClass.POLICY, folded(
        "sender address rejected", "sender address", "sender verify", "sender verification", "sender domain",
        "sender's domain", "envelope sender", "return path", "sender rejected", "sender is not", "sender unknown",
        "unknown sender", "invalid sender", "sender does not exist", "unroutable sender", "unrouteable sender",
        "from address", "from: domain", "recipient preferences", "account is blocked", "account blocked",
        "may not exist, or you may not have permission",
    ), ()),
    (FailureClass.GREYLISTING, folded("greylist", "graylist", "grey-list", "try again in a few minutes",
        "postgrey"), ()),
    (FailureClass.AUTHENTICATION, folded(
        "spf check", "spf fail", "spf validation", "fails spf", "failed spf", "spf record", "does not designate",
        "dkim check", "dkim fail", "dkim signature", "dmarc", "unauthenticated email", "unauthenticated mail",
        "sender is unauthenticated", "not authenticated", "authentication check", "lacks authentication",
        "ptr record", "reverse dns", "reverse lookup", "reverse hostname", "rdns", "no ptr", "starttls",
        "tls required", "must use tls", "encryption required",
    ), ()),
    (FailureClass.RATE, folded(
        "rate limit", "ratelimit", "rate-limit", "too many messages", "too many emails", "too many connections",
        "too many recipients", "receiving mail at a rate", "receiving mail too quickly", "too fast", "throttl",
        "exceeded the limit", "sending limit", "daily limit", "hourly limit", "unusual rate", "frequency limit",
        "over its sending", "sending rate", "频率", "发送频率", "too many bad commands",
    ), ()),
    (FailureClass.REPUTATION, folded(
        "spamhaus", "spamcop", "barracudacentral", " sorbs", "dnsbl", " rbl", "blacklist", "blocklist", "block list",
        "black list", "blocked using", "poor reputation", "reputation", "has been blocked", "ip blocked",
        "is blocked", "is listed", "listed at", "listed by", "banned", "denylist", "sender blocked", "bad sender",
        "blocked sender", "not accepting mail from", "we don't accept mail from", "no se acepta correo de",
        "your ip address", "banned sending ip", "blocked ip", "ip reputation", "gesperrt", "cloudmark", "senderscore",
        "s3140", "s3150", "tss04", "ts03", "ts01", "(bl)", "5.7.606", "5.7.511", "address rejected due to blacklist",
    ), ()),
    (FailureClass.CONTENT, folded(
        "as spam", "spam detected", "spam message", "spam content", "is spam", "be spam", "like spam", "spam mail",
        "spammessage", "considered unsolicited", "unsolicited", "unsolicited mail", "virus", "malware", "phish",
        "infected", "content reject", "message content", "content filter", "rejected for policy reasons: content",
        "prohibited attachment", "attachment type", "attachment blocked", "banned file", "message refused", "bare lf",
        "line too long", "malformed message", "malformed header", "- spam", "illegal attachment",
        "blocked attachment", "content presents a potential", "header error", "multiple addresses in",
        "invalid header", "spam score", "spamassassin", "spam reject", "high probability of spam", "url blocked",
        "контент", "спам", "垃圾邮件", "スパム", "spam filter", "spamfilter", "suspicious", "of spam",
        "spam firewall", "bulk e-mail", "bulk email",
    ), ()),
    (FailureClass.TOO_LARGE, folded(
        "too large", "too big", "size limit", "maximum size", "exceeds size", "message size", "max message size",
        "exceeds the maximum", "larger than", "exceeds fixed maximum", "zu gross", "zu groß", "trop volumineux",
        "trop gros", "demasiado grande", "troppo grande", "muito grande", "te groot", "zbyt duż", "слишком больш",
        "サイズ", "超过大小", "过大",
    ), ()),
    (FailureClass.MAILBOX_FULL, folded(
        "mailbox full", "mailbox is full", "mail box full", "mailbox exceeded", "over quota", "overquota",
        "quota exceeded", "exceeded quota", "exceeds quota", "quota exceed", "exceed quota", "exceeded storage",
        "out of storage", "insufficient system storage for user", "inbox is full", "inbox full", "mailfolder is full",
        "disk quota", "storage quota", "user is over", "mailbox size limit", "mailbox has exceeded",
        "not enough storage", "no space left in mailbox", "account is full", "full mailbox", "box is full",
        "mailbox overflow", "mailbox limit", "quota", "postfach ist voll", "postfach voll", "mailbox voll",
        "speicherplatz", "boîte pleine", "boîte aux lettres pleine", "est pleine", "boîte de réception est pleine",
        "buzón lleno", "buzón está lleno", "bandeja de entrada está llena", "buzón de correo está lleno",
        "casella piena", "casella è piena", "casella di posta è piena", "caixa cheia", "caixa de correio cheia",
        "caixa de entrada está cheia", "caixa de correio está cheia", "postvak is vol", "mailbox is vol",
        "postvak vol", "skrzynka jest pełna", "przepełnion", "skrzynka pełna", "schránka je plná", "schránka plná",
        "brevlådan är full", "postkassen er fuld", "innboksen er full", "postkassen er full",
        "postilaatikko on täynnä", "ящик переполнен", "переполнен", "kutusu dolu", "betelt", "容量を超え", "容量不足",
        "いっぱい", "邮箱已满", "收件箱已满", "空间不足", "信箱已滿", "용량 초과", "용량을 초과", "사서함이 가득",
    ), ()),
    (FailureClass.DISABLED, folded(
        "account disabled", "account is disabled", "account has been disabled", "mailbox disabled",
        "mailbox is disabled", "user disabled", "account inactive", "account is inactive", "user is inactive",
        "inactive user", "inactive account", "mailbox is inactive", "mailbox inactive", "account suspended",
        "user suspended", "account is suspended", "has been suspended", "is suspended", "inactive email", "is frozen",
        "deactivated", "temporarily locked", "account closed", "account has been closed", "mailbox closed",
        "account expired", "account has expired", "locked mailbox", "mailbox is locked", "has moved",
        "user has moved", "not active", "address no longer accepts mail", "no longer accepts mail",
        "not accepting mail", "not accepting messages", "account terminated", "deaktiviert", "inaktiv", "désactivé",
        "desactivada", "deshabilitad", "disattivat", "desativad", "gedeactiveerd", "nieaktywn", "zablokowan",
        "неактив", "заблокирован", "отключен", "已停用", "被禁用", "已冻结",
    ), ()),
    (FailureClass.NO_SUCH_DOMAIN, folded(
        "find a mail exchanger", "host not found", "host unknown", "unknown host", "no such host", "domain not found",
        "no such domain", "domain does not exist", "domain doesn't exist", "domain name not found", "unknown domain",
        "bad destination host", "unknown mail host", "invalid domain", "nxdomain", "null mx", "nullmx",
        "does not accept mail", "doesn't accept mail", "couldn't find any host", "can't find any host",
        "cannot find any host", "name or service not known", "domain couldn't be found", "domain could not be found",
        "dns error: domain", "unrouteable mail domain", "unrouteable domain",
        "all relevant mx records point to non-existent hosts", "name service error for name", "domäne nicht gefunden",
        "domain existiert nicht", "domaine inconnu", "dominio no existe", "dominio inesistente", "domínio não existe",
        "домен не", "域名不存在", "ドメインが",
    ), ()),
    (FailureClass.NO_SUCH_USER, folded(
        "user unknown", "unknown user", "no such user", "no such mailbox", "no such recipient", "no such address",
        "no such account", "no such person", "no such local user", "no mailbox here", "recipient not found",
        "recipientnotfound", "recipnotfound", "user not found", "mailbox not found", "address not found",
        "account not found", "email address could not be found", "address couldn't be found",
        "address could not be found", "email address you entered couldn't be found",
        "mail address could not be found", "does not exist", "doesn't exist", "not exist", "doesn't have",
        "does not have a", "unknown recipient", "recipient unknown", "unknown address", "address unknown",
        "addressee unknown", "unknown local part", "unknown local-part", "unknown or illegal alias",
        "unknown mailbox", "mailbox unknown", "unknown account", "invalid recipient", "invalid mailbox",
        "invalid user", "bad address", "bad destination mailbox", "not a valid mailbox", "not a valid user",
        "not a valid recipient", "isn't a valid", "not our customer", "not a known user", "not known at this site",
        "is not known", "not listed in domino directory", "not listed in public name", "not listed in",
        "user is unknown", "user doesn't", "nosuchuser", "no valid recipient", "nobody by that name",
        "no one by that name", "no account by that name", "recipient does not", "addressee is unknown",
        "no longer valid", "unrecognised-or-name", "unrecognised or-name", "unrecognised o/r name", "has no mailbox",
        "undeliverable address", "user account not found", "user name is not", "couldn't be found", "wasn't found at",
        "not found in the directory",
        "unbekannt", "existiert nicht", "nicht gefunden", "kein postfach", "nicht bekannt", "n'existe pas", "inconnu",
        "introuvable", "n'a pas été trouvé", "no existe", "desconocid", "no encontrad", "no se encontró",
        "no se ha encontrado", "non esiste", "sconosciut", "inesistente", "non trovat", "não existe", "inexistente",
        "não encontrad", "bestaat niet", "onbekend", "niet gevonden", "nie istnieje", "nieznany", "neexistuje",
        "neznámý", "nenalezen", "finns inte", "okänd", "findes ikke", "ukendt", "finnes ikke", "ukjent",
        "ei ole olemassa", "ei löydy", "tuntematon", "nem létezik", "ismeretlen", "nu există", "не существует",
        "не найден", "неизвест", "нет такого", "такого пользователя нет", "несуществующ", "mevcut değil",
        "bulunamadı", "δεν υπάρχει", "存在しません", "存在しない", "見つかりません", "宛先不明", "ユーザーが",
        "不存在", "找不到", "未找到", "存在하지", "존재하지 않", "없는 사용자",
    ), folded(
        "unrouteable address", "unroutable address", "mailbox unavailable", "user unavailable", "recipient rejected",
        "recipient address rejected", "recipient addresses rejected", "no longer works", "address rejected",
        "cannot find user", "not a local user", "undeliverable to", "address error", "mailbox does not",
        "recipient invalid", "requested action not taken", "could not be found",
    )),
    (FailureClass.POLICY, folded(
        "relay", "access denied", "not permitted", "not allowed", "not authorized", "not authorised", "unauthorized",
        "permission", "restricted", "rejected by policy", "policy violation", "policy", "prohibited",
        "administrative", "administratively", "transport rules", "only accepts", "doesn't accept messages from",
        "does not accept messages from", "your message has been rejected", "not accept email from", "security polic",
        "nicht erlaubt", "nicht berechtigt", "verweigert", "non autorisé", "refusé", "no autorizado", "rechazad",
        "non autorizzat", "não autorizad", "niet toegestaan", "geweigerd", "запрещ", "отклонен", "拒绝", "拒否",
    ), ()),
    (FailureClass.INFRASTRUCTURE, folded(
        "timed out", "timeout", "time out", "connection refused", "connection lost", "lost connection",
        "connection reset", "could not connect", "couldn't connect", "not responding", "no route to host",
        "network is unreachable", "network unreachable", "temporary failure", "temporarily", "try again later",
        "retry time not reached", "retry timeout exceeded", "expired", "too old", "could not be delivered for",
        "in the queue too long", "has been in queue", "too many hops", "hop count", "mail loop", "loops back",
        "loop detected", "mail forwarding loop", "routing loop", "service unavailable", "service not available",
        "server error", "system error", "configuration error", "local error", "internal error", "local configuration",
        "disk full", "no space left", "insufficient system", "resources",
        "wasn't able to establish an smtp connection", "unable to connect", "no hosts", "dns", "server is down",
        "overloaded", "zeitüberschreitung", "délai", "tiempo de espera", "tempo scaduto", "истекло", "超时",
        "タイムアウト",
    ), ()),
)  # fmt: skip

# What some hosts write under every failure, whatever it is.
BOILERPLATE = folded(
    "the account or domain may not exist, they may be blacklisted, or missing the proper dns entries."
)

# Enhanced status codes by subject and detail (RFC 3463, RFC 5248's registry); the class digit is left out.
STATUSES: dict[str, FailureClass] = {
    "1.1": FailureClass.NO_SUCH_USER,
    "1.2": FailureClass.NO_SUCH_DOMAIN,
    "1.6": FailureClass.DISABLED,
    "1.7": FailureClass.POLICY,
    "1.8": FailureClass.POLICY,
    "1.10": FailureClass.NO_SUCH_DOMAIN,  # RFC 7505
    "2.1": FailureClass.DISABLED,
    "2.2": FailureClass.MAILBOX_FULL,
    "2.3": FailureClass.TOO_LARGE,
    "2.4": FailureClass.INFRASTRUCTURE,
    "3.4": FailureClass.TOO_LARGE,
    "4.4": FailureClass.NO_SUCH_DOMAIN,
    "7.10": FailureClass.AUTHENTICATION,
    "7.11": FailureClass.AUTHENTICATION,
    "7.20": FailureClass.AUTHENTICATION,  # RFC 7372, as those up to 7.26
    "7.21": FailureClass.AUTHENTICATION,
    "7.22": FailureClass.AUTHENTICATION,
    "7.23": FailureClass.AUTHENTICATION,
    "7.24": FailureClass.AUTHENTICATION,
    "7.25": FailureClass.AUTHENTICATION,
    "7.26": FailureClass.AUTHENTICATION,
    "7.27": FailureClass.AUTHENTICATION,  # RFC 7505
    "7.28": FailureClass.RATE,
}
SUBJECTS: dict[str, FailureClass] = {  # by the middle number, when the detail is not in the table
    "3": FailureClass.INFRASTRUCTURE,
    "4": FailureClass.INFRASTRUCTURE,
    "5": FailureClass.INFRASTRUCTURE,
    "6": FailureClass.CONTENT,
    "7": FailureClass.POLICY,
}
