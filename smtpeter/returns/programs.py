"""Tables: the programs that write bounces and delays of their own form, that challenge senders, and their addresses.

Add a message of the kind to tests/returns/corpus with each program.
"""

from __future__ import annotations

from typing import NamedTuple

from smtpeter.returns.phrases import folded
from smtpeter.returns.recognition import Action, Confidence


class Program(NamedTuple):
    """A program that writes bounces, or delays, of its own form: every one of the places named must hold a phrase."""

    name: str
    action: Action = Action.FAILED
    confidence: Confidence = Confidence.HIGH
    words: tuple[str, ...] = ()  # any of them in the text
    senders: tuple[str, ...] = ()  # the local part of From
    field: str = ""  # the message has this field


# Local parts from which programs report; "postmaster" may be a person, who then says so in other words.
DAEMONS = frozenset((
    "mailer-daemon", "mailerdaemon", "maildaemon", "mail-daemon", "mdaemon", "postmaster", "mail_delivery",
    "post_master", "mailer_daemon",
    "mailadmin", "smtpd", "no-reply-mailer-daemon", "mailsystem", "mail-delivery-subsystem", "bounce", "bounces",
    "system-administrator", "administrator", "postoffice", "mailserver", "mail-router", "mailer", "delivery", "mmdf",
    "mdeamon", "devnull", "nondelivery", "mailbounce", "mail.delivery", "daemon", "ndr", "maildelivery",
    "undeliverable",
    "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e",
))  # fmt: skip

# Names in From, where the address is nobody's.
DAEMON_NAMES = folded(
    "mail delivery s", "system administrator", "mail administrator", "delivery subsystem", "microsoft outlook",
    "mail system", "internet mail delivery", "mailer-daemon", "systemadministrator", "administrateur système",
    "quarantine manager",
)  # fmt: skip
# Local parts of programs that are not mail systems.
SERVICES = frozenset((
    "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "do_not_reply", "autoreply", "auto-reply",
    "notification",
    "notifications", "autoresponder", "auto-responder", "challenge", "verify", "confirm",
))  # fmt: skip
COMPLAINT_SENDERS = frozenset(("staff@hotmail.com", "scomp@aol.net", "feedbackloop@yahoo-inc.com"))
COMPLAINT_SUBJECTS = folded("complaint about message from", "email feedback report", "fw: spam complaint")

# Programs, the exact forms first.
PROGRAMS = (
    Program("qmail", words=folded(
        "i wasn't able to deliver your message to the following addresses",
        "i'm afraid i wasn't able to deliver your message",
        "this is the qmail-send program at",
    )),
    Program("exim delay", Action.DELAYED, words=folded(
        "has not been delivered to one or more of its recipients after more than",
        "no action is required on your part. delivery attempts will continue",
    )),
    Program("exim", words=folded(
        "this message was created automatically by mail delivery software. a message that you sent could not be delivered",
        "a message that you sent could not be delivered to one or more of its recipients",
        "a message that you sent could not be delivered to all of its recipients",
        "a message sent by <> could not be delivered",
    )),
    Program("postfix delay", Action.DELAYED, words=folded(
        "this is a warning only. you do not need to resend your message",
        "your message could not be delivered for more than",
        "it will be retried until it is",
    ), confidence=Confidence.HIGH),
    Program("postfix", words=folded(
        "i'm sorry to have to inform you that your message could not be delivered to one or more recipients",
        "i'm sorry to have to inform you that the message returned below could not be delivered",
    )),
    Program("sendmail delay", Action.DELAYED, words=folded(
        "warning: could not send message for past",
        "you do not need to resend your message this is a warning message only",
        "this is a warning message only you do not need to resend your message",
    )),
    Program("sendmail", words=folded(
        "the following addresses had permanent fatal errors", "the following addresses had delivery problems",
        "the following addresses have delivery errors", "----- transcript of session follows -----",
    )),
    Program("exchange", words=folded(
        "delivery has failed to these recipients or groups",
        "delivery has failed to these recipients or distribution lists",
        "your message did not reach some or all of the intended recipients",
        "did not reach the following recipient(s)",
        "fehler bei der nachrichtenzustellung an folgende empfänger oder gruppen",
        "fehler bei der nachrichtenzustellung an die folgenden empfänger",
        "ihre nachricht hat einige oder alle empfänger nicht erreicht",
        "échec de la remise à ces destinataires ou groupes", "échec de la remise pour ces destinataires ou groupes",
        "votre message n'a pas été remis à certains destinataires",
        "no se pudo entregar el mensaje a los siguientes destinatarios o grupos",
        "no se pudo entregar a estos destinatarios o grupos", "error de entrega a estos destinatarios o grupos",
        "recapito non riuscito per i seguenti destinatari o gruppi",
        "recapito non riuscito a questi destinatari o gruppi",
        "falha na entrega para estes destinatários ou grupos", "falha na entrega a estes destinatários ou grupos",
        "de bezorging bij de volgende geadresseerden of groepen is mislukt",
        "bezorging aan deze geadresseerden of groepen is mislukt",
        "kan niet bezorgen bij deze geadresseerden of groepen",
        "nie powiodło się dostarczenie do następujących adresatów lub grup",
        "не удалось выполнить доставку следующим получателям или группам",
        "сбой доставки для следующих получателей или групп",
        "doručení následujícím příjemcům nebo skupinám se nezdařilo",
        "det gick inte att leverera till följande mottagare eller grupper",
        "levering til disse modtagere eller grupper mislykkedes",
        "levering til følgende mottakere eller grupper mislyktes",
        "toimitus seuraaville vastaanottajille tai ryhmille epäonnistui",
        "şu alıcılara veya gruplara teslim edilemedi",
        "次の受信者またはグループへの配信に失敗しました", "以下の受信者またはグループへの配信ができませんでした",
        "未能向这些收件人或组传递邮件", "无法将邮件传递给以下收件人或组", "無法傳遞至下列收件者或群組",
        "다음 받는 사람 또는 그룹에 배달하지 못했습니다",
    )),
    Program("gmail delay", Action.DELAYED, words=folded(
        "this is an automatically generated delivery status notification this is a warning message only",
        "there was a temporary problem delivering your message to",
        "delivery incomplete there was a temporary problem",
        "gmail will retry for",
    )),
    Program("gmail", words=folded(
        "your message wasn't delivered to", "delivery to the following recipient failed permanently",
        "address not found your message wasn't delivered",
        "message not delivered there was a problem delivering your message to",
        "message blocked your message to", "ihre nachricht wurde nicht zugestellt an",
        "ihre nachricht wurde nicht an",
        "votre message n'a pas été distribué à", "tu mensaje no se ha entregado a", "tu mensaje no se entregó a",
        "il tuo messaggio non è stato recapitato", "il tuo messaggio non è stato consegnato",
        "sua mensagem não foi entregue para", "a sua mensagem não foi entregue a",
        "je bericht is niet bezorgd bij", "uw bericht is niet afgeleverd bij",
        "twoja wiadomość nie została dostarczona", "ваше письмо не доставлено", "ваше сообщение не было доставлено",
    )),
    Program("yahoo", words=folded(
        "sorry, we were unable to deliver your message to the following address",
        "unable to deliver message to the following address(es)", "message from yahoo.com. unable to deliver message",
    )),
    Program("aol",
        words=folded("your mail to the following recipients could not be delivered because they are not accepting mail")),
    Program("domino", words=folded(
        "your message could not be delivered because: user", "could not be delivered to: because:", "lotus domino",
        "user %s not listed in domino directory", "not listed in domino directory",
        "not listed in public name & address book",
        "not unique. several matches found in domino directory", "router: unable to open mailbox file",
        "nicht im domino-verzeichnis", "nicht im domino directory",
    )),
    Program("groupwise", words=folded("the message that you sent was undeliverable to the following:")),
    Program("mailenable",
        words=folded("message could not be delivered to some recipients. the following recipient(s) could not be reached")),
    Program("mdaemon", words=folded(
        "the following data may contain sections which represent bits or whole portions of the original message",
        "mdaemon has identified your message as undeliverable",
        "the attached message had permanent fatal delivery errors",
        "the attached message had permanent, fatal delivery errors",
    )),
    Program("mdaemon delay", Action.DELAYED, words=folded(
        "the attached message had transient, non-fatal delivery errors",
        "the attached message had transient non-fatal delivery errors",
    )),
    Program("mail.ru", words=folded(
        "это письмо создано автоматически сервером mail.ru", "this message was created automatically by mail.ru",
        "a message that you sent was rejected",
    )),
    Program("yandex", words=folded(
        "это письмо отправлено почтовым сервером yandex",
        "this message was created automatically by mail system yandex",
        "это письмо отправлено почтовым сервером", "this is the mail system at host yandex",
    )),
    Program("qq", words=folded(
        "您的邮件被退回", "抱歉，您的邮件被退回来了", "很抱歉您发送的邮件被退回", "系统退信",
        "无法送达，该邮件已被系统退回",
    )),
    Program("netease", words=folded("您的邮件未能投递", "非常抱歉，我们无法将您的邮件投递",
        "我们无法将您的邮件发送到以下收件人"), confidence=Confidence.MEDIUM),
    Program("orange", words=folded(
        "votre message n'a pas pu être remis", "votre message n'a pu être délivré",
        "votre message n'a pas pu être délivré",
    ), confidence=Confidence.MEDIUM),
    Program("gmx", words=folded(
        "eine nachricht, die sie versandt haben, konnte nicht",
    )),
    Program("t-online", words=folded(
        "die folgende e-mail konnte nicht zugestellt werden", "ihre e-mail konnte nicht zugestellt werden",
        "ihre e-mail konnte nicht an den empfänger zugestellt werden", "ihre nachricht konnte nicht zugestellt werden",
        "konnte an folgende empfänger nicht zugestellt werden", "konnte an die folgende adresse nicht zugestellt werden",
    ), confidence=Confidence.MEDIUM),
    Program("barracuda", words=folded(
        "was blocked by our spam firewall", "your message was blocked by the barracuda", "barracuda spam firewall",
        "blocked by the recipient's spam filter barracuda",
    ), confidence=Confidence.MEDIUM),
    Program("amavis", words=folded("was considered unsolicited bulk e-mail",
        "delivery of the email was stopped"), confidence=Confidence.MEDIUM),
    Program("gateway", words=folded(
        "mimecast could not deliver", "your message was not delivered to the following recipients:",
        "the message that you sent was blocked by", "message could not be delivered due to the recipient's policy",
        "was rejected by the recipient's mail gateway",
        "this message could not be delivered because it was identified as",
    ), confidence=Confidence.MEDIUM),
    Program("x.400", words=folded(
        "unable-to-transfer", "unrecognised-or-name", "unrecognised or-name", "unrecognised o/r name",
        "x400 non-delivery",
        "this is a non delivery notification", "non-delivery-reason",
    )),
    Program("opensmtpd", words=folded("hi! this is the mailer-daemon")),
    Program("exim field", field="x-failed-recipients", confidence=Confidence.MEDIUM),
    Program("amazon ses",
        words=folded("an error occurred while trying to deliver the mail to the following recipients:")),
    Program("courier", words=folded("this is a delivery status notification from",
        "undeliverable mail your message to the following recipients cannot be delivered")),
    Program("lotus notes", words=folded("delivery failure report your document:", "failure reason",
        "rapport d'échec de remise"), senders=("mailer-daemon", "postmaster", "notes",
        "domino"), confidence=Confidence.MEDIUM),
    Program("icloud", words=folded("this message was created automatically by the mail system (ecelerity)",
        "the following message to <")),
    Program("zimbra", words=folded("this is the mail system at host")),
    Program("mail2world",
        words=folded("could not be delivered to the following address(es)"), confidence=Confidence.MEDIUM),
)  # fmt: skip


class Challenger(NamedTuple):
    """A program that asks senders to prove themselves: a phrase in the text or the subject, or the field, is enough."""

    name: str
    phrases: tuple[str, ...]
    field: str = ""
    confidence: Confidence = Confidence.HIGH


CHALLENGERS = (
    Challenger("tmda", folded("this message was created automatically by mail delivery software (tmda)",
        "tmda (tagged message delivery agent)"), "x-tmda-fingerprint"),
    Challenger("boxbe", folded("boxbe.com", "is using boxbe to protect")),
    Challenger("spamarrest", folded("spamarrest.com", "spam arrest")),
    Challenger("earthlink", folded("suspect email blocking", "webmail.earthlink.net/wam/addme",
        "spamblocker-challenge", "pass my suspect email", "earthlink spamblocker")),
    Challenger("ask", folded("active spam killer", "ask/", "please confirm (conf#"), "x-ask-auth"),
    Challenger("mailinblack", folded("mailinblack", "invitation à vous authentifier")),
    Challenger("bluebottle", folded("bluebottle.com", "bluebottle email verification")),
    Challenger("uol", folded("antispam uol", "antispam.uol.com.br", "anti-spam uol")),
    Challenger("choicemail", folded("choicemail", "digiportal.com")),
    Challenger("sender verification", folded(
        "verify that you are a real person", "prove that you are human", "prove you are human",
        "prove you're not a spammer", "confirm that you are a real person", "you are not on my approved list",
        "i'm protecting myself from receiving junk", "i am protecting myself from receiving junk",
        "to release your message from quarantine, click", "your message is being held until you",
        "is protected by a challenge", "challenge-response", "requires verification of the sender",
        "complete the verification process", "please reply to this message to confirm",
        "just this once, click the link below", "um ihre nachricht zuzustellen, bestätigen sie",
        "bestätigen sie bitte ihre absenderadresse", "pour que votre message soit délivré, veuillez",
        "confirmez que vous n'êtes pas un robot", "confirme que usted no es un robot", "подтвердите, что вы не робот",
        "please confirm your message",
    ), confidence=Confidence.MEDIUM),
)  # fmt: skip
