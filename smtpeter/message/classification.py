"""What a server means by a refusal: one table of rules, by reply code, enhanced status code and words.

The first rule that fits decides. A class is for people to read and for pacing; whether to try again is the code's matter (RFC
5321 4.2.1), but for the few 5xx replies that say of themselves that they will pass: a limit of rate, "try again
later", or an enhanced code of class 4. There it is kinder to wait: nothing is lost but time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from smtpeter.message.refusal import FailureClass
from smtpeter.message.status import Reply

_READ = 1000  # characters of a reply's text


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reply is about; `is_later`: it will pass, whatever its code; `slows`: the site as a whole is asked for less."""

    failure: FailureClass
    is_later: bool = False
    slows: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """`code` and `enhanced` fit the whole code, `words` are searched in the text in lower case; "" fits all."""

    failure: FailureClass
    words: str = ""
    code: str = ""
    enhanced: str = ""
    passes: bool = False  # also when the code is 5xx
    slows: bool = False


F = FailureClass

# Patterns have no repetition within a repetition, so that a reply costs time in proportion to its length.
RULES = (
    # Greylisting first: its words come together with those of rate and policy.
    Rule(F.GREYLISTING, r"gr[ae]y[ -]?list", code="4.."),
    Rule(F.GREYLISTING, r"try again in \d+ ?(s|m|h)|come back (later|in \d)|please retry in", code="4..", enhanced=r"4\.[27]\.[01]|"),
    Rule(F.GREYLISTING, r"first time|unfamiliar|not seen .{0,20}before", code="45."),
    Rule(F.MAILBOX_FULL, enhanced=r"[45]\.2\.2"),
    # Its "exceeded" is about one message, not about their number.
    Rule(F.TOO_LARGE, r"message.{0,30}(too (large|big)|size.{0,20}exceed)|exceed.{0,30}(size|length) limit|size limit|maximum message size|fixed maximum"),
    # A recipient who gets too much: not the site's matter, and it passes.
    Rule(F.RATE, r"(user|recipient|mailbox|account|person).{0,40}(receiving|getting|received) .{0,20}(too (quickly|many|much)|rate)", passes=True),
    Rule(F.RATE, r"recipient.{0,30}(rate limit|exceeded .{0,20}rate)", passes=True),
    # Too much at a time, from us: everything to this site slows down. 5xx replies with these words pass, too.
    Rule(F.RATE, r"too many (concurrent |simultaneous |open )?(smtp )?(connections|sessions|mails|messages|emails|requests)", passes=True, slows=True),
    Rule(F.RATE, r"rate[ -]?limit|ratelimit|throttl|too (fast|quickly|frequent)|unusual rate|unusually high rate", passes=True, slows=True),
    Rule(F.RATE, r"(connection|message|mail|email|sending|hourly|daily|session|ip) (rate|limit|quota|count|limits).{0,20}(exceed|reached)", passes=True, slows=True),
    Rule(F.RATE, r"(exceed|reached).{0,30}(connection|message|sending|hourly|daily|rate|maximum number of messages).{0,20}(limit|quota|rate|per|allowed)", passes=True, slows=True),
    Rule(F.RATE, r"maximum (number of )?(connections|messages|sessions)|max(imum)? .{0,15}per (connection|session|hour|day)", passes=True, slows=True),
    Rule(F.RATE, r"(slow|back) (down|off)|server (is )?(too )?busy|connection frequency|sending limits?|temporarily deferred due to", code="4..", slows=True),
    Rule(F.RATE, r"\[(ts|tss)0\d\]|\b(rp-00[1-3]|s775|s3150)\b", code="4..", slows=True),  # Yahoo, Outlook.com
    Rule(F.RATE, enhanced=r"4\.7\.(28|30)|4\.3\.2[0-9]?|4\.7\.650", code="4..", words=r"rate|limit|many|unsolicited|volume", slows=True),
    # The mailbox.
    Rule(F.MAILBOX_FULL, r"(mail ?box|inbox|user|account|recipient|storage|maildrop|folder|quota).{0,40}(is full|full\b|over ?quota|exceed|out of (storage|space)|no space)"),
    Rule(F.MAILBOX_FULL, r"over (the )?quota|overquota|quota (exceeded|full)|out of storage|insufficient (mailbox|disk|storage)? ?(quota|space for user)|not enough storage|mailfolder is full|bo[iî]te.{0,20}pleine|postfach.{0,20}voll"),
    Rule(F.TOO_LARGE, enhanced=r"[45]\.(3\.4|2\.3)"),
    Rule(F.DISABLED, r"(mail ?box|account|user|recipient|address|email).{0,40}(disabled|inactive|suspended|deactivated|not active|expired|closed|\blocked|discontinued|no longer (active|in use|available|valid|works))"),
    Rule(F.DISABLED, r"(disabled|inactive|suspended|discontinued|deactivated) (user|mailbox|account|recipient)|has (moved|left)"),
    Rule(F.DISABLED, enhanced=r"[45]\.2\.1|[45]\.1\.6"),
    # Who we are, and what others think of us: words such as "rejected" and "not allowed" come with these, too.
    Rule(F.AUTHENTICATION, r"\b(spf|dkim|dmarc|sender[- ]?id|arc)\b.{0,80}(fail|pass|not|invalid|reject|policy|check|missing)|(fail|pass|require).{0,60}\b(spf|dkim|dmarc)\b|unauthenticated|not authenticated", code="[45]..", enhanced=r"[45]\.7\.\d+|"),
    Rule(F.AUTHENTICATION, r"(reverse|ptr|rdns|hostname).{0,40}(dns|record|lookup|not found|missing|invalid|does not (match|resolve)|required|verification)|no ptr|(cannot|can't|unable to) find your (reverse )?hostname|helo command rejected"),
    Rule(F.AUTHENTICATION, enhanced=r"[45]\.7\.(2[0-79]|5|15|23|24|25|26|27)"),
    Rule(F.AUTHENTICATION, r"(must issue|require[sd]?|need).{0,20}(starttls|tls)|encryption (required|needed)"),
    Rule(F.REPUTATION, r"spamhaus|\b(zen|sbl|xbl|pbl|css)\b|barracuda|spamcop|sorbs|uceprotect|invaluement|cloudmark|senderscore|dnsbl|\brbl\b|abusix|proofpoint.{0,40}block|(block|black|deny|realtime).{0,3}list"),
    Rule(F.REPUTATION, r"(poor|bad|low|very low) .{0,20}reputation|reputation.{0,40}(low|poor|bad|block|reject|policy)|(ip|address|host|client|network|sender|domain).{0,60}(blocked|banned|block list|listed|rejected due to|has been blocked|not accepted)"),
    Rule(F.REPUTATION, r"(blocked|banned|refused|denied|rejected).{0,40}(your ip|ip address|sending ip|by (ip|sender)|due to .{0,20}(abuse|complaints|history))|user complaints|policy reasons.{0,20}ip|bulk mail|part of their network"),
    Rule(F.REPUTATION, r"\b(bl-?\d{3,6}|hm-?\d+|s\d{4}|av:2\d|cnct\d|rly:b\d|hvu:b\d|dny:\w+|csi|cxsnst|cs01|mxin5\d\d)\b|\[ts0[34]\]"),
    # What is in it.
    Rule(F.CONTENT, r"virus|malware|phish|infected|malicious|attachment.{0,40}(not allowed|blocked|type|rejected)|(file|executable) (type|extension)"),
    Rule(F.CONTENT, r"\bspam\b|unsolicited|junk ?mail|spam-?like|considered (as )?(spam|uce|abusive)|content.{0,40}(reject|block|not accept|unacceptable|policy|filter|restrict)|message.{0,30}(content|blocked|refused by .{0,20}filter)"),
    Rule(F.CONTENT, r"(invalid|missing|duplicate|multiple|bad|malformed|illegal) .{0,30}(header|from|date|message-id|mime|line)|not rfc ?\d|rfc ?[25]?[38]22|bare (lf|cr)|line (too long|length)"),
    Rule(F.CONTENT, enhanced=r"[45]\.6\.\d+"),
    # The domain; it may also be ours.
    Rule(F.NO_SUCH_DOMAIN, r"(sender|from|helo|return).{0,40}domain.{0,40}(not (found|exist|resolve)|does not|no (mx|a|dns)|unresolv|invalid)", enhanced=r"[45]\.1\.8|[45]\.7\.\d+|"),
    Rule(F.NO_SUCH_DOMAIN, r"(domain|host).{0,40}(not (found|exist|known|hosted|local)|does(n't| not) exist|unknown|unrouteable|invalid|no such)|(unknown|no such|invalid) (domain|host)|accepts no mail|null ?mx|unrouteable address"),
    Rule(F.NO_SUCH_DOMAIN, enhanced=r"[45]\.1\.2|[45]\.4\.4"),
    Rule(F.NO_SUCH_DOMAIN, code="521|556"),
    # No such user: after all that uses "user" and "recipient" for something else.
    Rule(F.NO_SUCH_USER, r"(no|not a|invalid|unknown|unrecognized|bad|non-?existent|undeliverable) (such |valid |local )?(user|mail ?box|recipient|account|address|person|addressee|destination mailbox|rcpt)"),
    Rule(F.NO_SUCH_USER, r"(user|mail ?box|recipient|account|address|addressee|alias|e-?mail|rcpt|person).{0,80}(unknown|not (found|exist|known|valid|here|recogni[sz]ed|listed|on file)|does(n't| not) exist|doesn.t have|unavailable|invalid|no such|nicht|n'existe|no existe|inconnu|unbekannt|undeliverable|couldn't be found|cannot be found)"),
    Rule(F.NO_SUCH_USER, r"no mailbox here|recipnotfound|no one here|unknown or illegal alias|not our customer|verify (the )?address|callout verification failed"),
    Rule(F.NO_SUCH_USER, enhanced=r"[45]\.1\.[13]|5\.1\.0", code="55."),
    # May we?
    Rule(F.POLICY, r"relay(ing)? (is )?(denied|not|access|prohibit)|not permitted to relay|unable to relay|relay not|access denied|not (allowed|permitted|authori[sz]ed)|prohibited|restricted|administrative(ly)?|policy|local_scan|authentication (is )?required"),
    # And what has to do with nobody's mail: it passes, even as 5xx, if it says so.
    Rule(F.INFRASTRUCTURE, r"(try|retry) (again|it|later|your)|please (re)?try|temporar(y|ily)|resources.{0,20}(unavailable|temporarily|exceeded)|out of (memory|disk)|insufficient (system|resources)", passes=True),
    Rule(F.INFRASTRUCTURE, r"(service|server|system|host|resource).{0,30}(unavailable|not available|shutting|down|error|problem|overload|closing)|internal error|local error|loop|too many hops|hop count|dns|time(d)? ?out|disk|queue file|lookup"),
    Rule(F.INFRASTRUCTURE, enhanced=r"[45]\.[34]\.\d+"),
    Rule(F.POLICY, enhanced=r"[45]\.7\.\d+"),
    Rule(F.INFRASTRUCTURE, code="4(21|51|54)"),
)  # fmt: skip

_PASSING = re.compile(
    r"temporar(y|ily)|(try|retry|deliver).{0,20} (again )?later|try again|later\b.{0,20}retry"
)


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: Rule
    words: re.Pattern[str] | None
    code: re.Pattern[str] | None
    enhanced: re.Pattern[str] | None

    def fits(self, code: str, enhanced: str, text: str) -> bool:
        return (
            (self.code is None or self.code.fullmatch(code) is not None)
            and (self.enhanced is None or self.enhanced.fullmatch(enhanced) is not None)
            and (self.words is None or self.words.search(text) is not None)
        )


def _compiled(rule: Rule) -> _Compiled:
    words, code, enhanced = (
        re.compile(pattern) if pattern else None for pattern in (rule.words, rule.code, rule.enhanced)
    )
    return _Compiled(rule, words, code, enhanced)


_RULES = tuple(map(_compiled, RULES))
_OTHER = Rule(F.OTHER)


def classify(reply: Reply) -> Meaning:
    """What a refusal is about. For replies that accept it has no meaning."""
    text = " ".join(reply.text[:_READ].lower().split())
    code, enhanced = str(reply.code), reply.enhanced
    rule = next((each.rule for each in _RULES if each.fits(code, enhanced, text)), _OTHER)
    return Meaning(rule.failure, _is_later(reply, rule, text), rule.slows)


def _is_later(reply: Reply, rule: Rule, text: str) -> bool:
    """A 5xx is for good, unless it says itself that it is not, and is not about the address or the content."""
    if not reply.is_permanent:
        return True
    if rule.passes or reply.enhanced.startswith("4."):
        return True
    return rule.failure in _WAITABLE and _PASSING.search(text) is not None


# Where "later" is believed beside a 5xx: nobody's mailbox comes to be by waiting, and no virus leaves.
_WAITABLE = frozenset((F.REPUTATION, F.POLICY, F.OTHER, F.INFRASTRUCTURE, F.AUTHENTICATION))
