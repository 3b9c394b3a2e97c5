"""The tables by which bounces, delays, automatic replies and challenges are known, and what failed is classified.

Phrases are looked for in case-folded text with single blanks, so write them in lower case with single blanks; the
languages stand side by side. A table's order is its precedence. Add a message of the kind to tests/returns/corpus
with each phrase.
"""

from __future__ import annotations

from typing import NamedTuple

from smtpeter.message.refusal import FailureClass
from smtpeter.returns.recognition import Action, Confidence


def _folded(*phrases: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.casefold().split()) for phrase in phrases)


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
    "mailer-daemon", "mailerdaemon", "maildaemon", "mail-daemon", "mdaemon", "postmaster", "mail_delivery", "mailer_daemon",
    "mailadmin", "smtpd", "no-reply-mailer-daemon", "mailsystem", "mail-delivery-subsystem", "bounce", "bounces",
    "system-administrator", "administrator", "postoffice", "mailserver", "mail-router", "mailer", "delivery", "mmdf",
    "mdeamon", "devnull", "nondelivery", "mailbounce", "mail.delivery", "daemon", "ndr", "maildelivery", "undeliverable",
    "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e",
))  # fmt: skip

# Names in From, where the address is nobody's.
DAEMON_NAMES = _folded(
    "mail delivery s", "system administrator", "mail administrator", "delivery subsystem", "microsoft outlook",
    "mail system", "internet mail delivery", "mailer-daemon", "systemadministrator", "administrateur système", "quarantine manager",
)  # fmt: skip
# Local parts of programs that are not mail systems.
SERVICES = frozenset((
    "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "do_not_reply", "autoreply", "auto-reply", "notification",
    "notifications", "autoresponder", "auto-responder", "challenge", "verify", "confirm",
))  # fmt: skip
COMPLAINT_SENDERS = frozenset(("staff@hotmail.com", "scomp@aol.net", "feedbackloop@yahoo-inc.com"))
COMPLAINT_SUBJECTS = _folded("complaint about message from", "email feedback report", "fw: spam complaint")

# What a returned message is announced by; text from there on is the original's, not the program's.
RETURNED_BELOW = (
    r"^-{2,}[ ]?below this line is (?:a|the)\b",
    r"^-{2,}[ ]?enclosed are the original headers",
    r"^-{2,}[ ]?this is a copy of (?:the|your)\b",
    r"^-{2,}[ ]?the (?:header|body of the message|message header)",
    r"^[- ]{2,}returned (?:mail|message)\b",
    r"^[- ]{2,}(?:start|beginning) of (?:the )?returned message",
    r"^[- ]{3,}original message\b",
    r"^[- ]{2,}(?:the )?(?:unsent message|message text|message headers?) follows",
    r"^[- ]*(?:original|returned) message follows",
    r"^[- ]{2,}copy of (?:the|your) (?:original )?message",
    r"^[- ]{3,}(?:ursprüngliche nachricht|originalnachricht|originele bericht|oorspronkelijk bericht)",
    r"^[- ]{3,}(?:mensaje original|mensagem original|message d'origine|messaggio originale)",
    r"^[- ]{3,}(?:исходное сообщение|пересылаемое сообщение|原始邮件|原邮件|元のメッセージ)",
    r"^message headers? follows?:",
    r"^included is a copy of the message header",
    r"^the (?:first \d{1,3} lines|header|headers) of the (?:original |returned )?message",
    r"^this is a copy of your message",
    r"^original message (?:headers?|details)\b:",
    r"^(?:on|am|le|el|il|op|em) .{8,120}(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu) ?:$",
    r"^.{4,80} (?:пишет|написал\(?а?\)?):$",
)

# Programs, the exact forms first.
PROGRAMS = (
    Program("qmail", words=_folded(
        "i wasn't able to deliver your message to the following addresses",
        "i'm afraid i wasn't able to deliver your message",
        "this is the qmail-send program at",
    )),
    Program("exim delay", Action.DELAYED, words=_folded(
        "has not been delivered to one or more of its recipients after more than",
        "no action is required on your part. delivery attempts will continue",
    )),
    Program("exim", words=_folded(
        "this message was created automatically by mail delivery software. a message that you sent could not be delivered",
        "a message that you sent could not be delivered to one or more of its recipients",
        "a message that you sent could not be delivered to all of its recipients",
        "a message sent by <> could not be delivered",
    )),
    Program("postfix delay", Action.DELAYED, words=_folded(
        "this is a warning only. you do not need to resend your message",
        "your message could not be delivered for more than",
        "it will be retried until it is",
    ), confidence=Confidence.HIGH),
    Program("postfix", words=_folded(
        "i'm sorry to have to inform you that your message could not be delivered to one or more recipients",
        "i'm sorry to have to inform you that the message returned below could not be delivered",
    )),
    Program("sendmail delay", Action.DELAYED, words=_folded(
        "warning: could not send message for past", "you do not need to resend your message this is a warning message only",
        "this is a warning message only you do not need to resend your message",
    )),
    Program("sendmail", words=_folded(
        "the following addresses had permanent fatal errors", "the following addresses had delivery problems",
        "the following addresses have delivery errors", "----- transcript of session follows -----",
    )),
    Program("exchange", words=_folded(
        "delivery has failed to these recipients or groups", "delivery has failed to these recipients or distribution lists",
        "your message did not reach some or all of the intended recipients",
        "did not reach the following recipient(s)",
        "fehler bei der nachrichtenzustellung an folgende empfänger oder gruppen",
        "fehler bei der nachrichtenzustellung an die folgenden empfänger",
        "ihre nachricht hat einige oder alle empfänger nicht erreicht",
        "échec de la remise à ces destinataires ou groupes", "échec de la remise pour ces destinataires ou groupes",
        "votre message n'a pas été remis à certains destinataires",
        "no se pudo entregar el mensaje a los siguientes destinatarios o grupos",
        "no se pudo entregar a estos destinatarios o grupos", "error de entrega a estos destinatarios o grupos",
        "recapito non riuscito per i seguenti destinatari o gruppi", "recapito non riuscito a questi destinatari o gruppi",
        "falha na entrega para estes destinatários ou grupos", "falha na entrega a estes destinatários ou grupos",
        "de bezorging bij de volgende geadresseerden of groepen is mislukt", "bezorging aan deze geadresseerden of groepen is mislukt",
        "kan niet bezorgen bij deze geadresseerden of groepen",
        "nie powiodło się dostarczenie do następujących adresatów lub grup",
        "не удалось выполнить доставку следующим получателям или группам", "сбой доставки для следующих получателей или групп",
        "doručení následujícím příjemcům nebo skupinám se nezdařilo",
        "det gick inte att leverera till följande mottagare eller grupper",
        "levering til disse modtagere eller grupper mislykkedes", "levering til følgende mottakere eller grupper mislyktes",
        "toimitus seuraaville vastaanottajille tai ryhmille epäonnistui",
        "şu alıcılara veya gruplara teslim edilemedi",
        "次の受信者またはグループへの配信に失敗しました", "以下の受信者またはグループへの配信ができませんでした",
        "未能向这些收件人或组传递邮件", "无法将邮件传递给以下收件人或组", "無法傳遞至下列收件者或群組",
        "다음 받는 사람 또는 그룹에 배달하지 못했습니다",
    )),
    Program("gmail delay", Action.DELAYED, words=_folded(
        "this is an automatically generated delivery status notification this is a warning message only",
        "there was a temporary problem delivering your message to", "delivery incomplete there was a temporary problem",
        "gmail will retry for",
    )),
    Program("gmail", words=_folded(
        "your message wasn't delivered to", "delivery to the following recipient failed permanently",
        "address not found your message wasn't delivered", "message not delivered there was a problem delivering your message to",
        "message blocked your message to", "ihre nachricht wurde nicht zugestellt an", "ihre nachricht wurde nicht an",
        "votre message n'a pas été distribué à", "tu mensaje no se ha entregado a", "tu mensaje no se entregó a",
        "il tuo messaggio non è stato recapitato", "il tuo messaggio non è stato consegnato",
        "sua mensagem não foi entregue para", "a sua mensagem não foi entregue a",
        "je bericht is niet bezorgd bij", "uw bericht is niet afgeleverd bij",
        "twoja wiadomość nie została dostarczona", "ваше письмо не доставлено", "ваше сообщение не было доставлено",
    )),
    Program("yahoo", words=_folded(
        "sorry, we were unable to deliver your message to the following address",
        "unable to deliver message to the following address(es)", "message from yahoo.com. unable to deliver message",
    )),
    Program("aol", words=_folded("your mail to the following recipients could not be delivered because they are not accepting mail")),
    Program("domino", words=_folded(
        "your message could not be delivered because: user", "could not be delivered to: because:", "lotus domino",
        "user %s not listed in domino directory", "not listed in domino directory", "not listed in public name & address book",
        "not unique. several matches found in domino directory", "router: unable to open mailbox file",
        "nicht im domino-verzeichnis", "nicht im domino directory",
    )),
    Program("groupwise", words=_folded("the message that you sent was undeliverable to the following:")),
    Program("mailenable", words=_folded("message could not be delivered to some recipients. the following recipient(s) could not be reached")),
    Program("mdaemon", words=_folded(
        "the following data may contain sections which represent bits or whole portions of the original message",
        "mdaemon has identified your message as undeliverable", "the attached message had permanent fatal delivery errors",
        "the attached message had permanent, fatal delivery errors",
    )),
    Program("mdaemon delay", Action.DELAYED, words=_folded(
        "the attached message had transient, non-fatal delivery errors", "the attached message had transient non-fatal delivery errors",
    )),
    Program("mail.ru", words=_folded(
        "это письмо создано автоматически сервером mail.ru", "this message was created automatically by mail.ru",
        "a message that you sent was rejected",
    )),
    Program("yandex", words=_folded(
        "это письмо отправлено почтовым сервером yandex", "this message was created automatically by mail system yandex",
        "это письмо отправлено почтовым сервером", "this is the mail system at host yandex",
    )),
    Program("qq", words=_folded(
        "您的邮件被退回", "抱歉，您的邮件被退回来了", "很抱歉您发送的邮件被退回", "系统退信", "无法送达，该邮件已被系统退回",
    )),
    Program("netease", words=_folded("您的邮件未能投递", "非常抱歉，我们无法将您的邮件投递", "我们无法将您的邮件发送到以下收件人")),
    Program("orange", words=_folded(
        "votre message n'a pas pu être remis", "votre message n'a pu être délivré", "votre message n'a pas pu être délivré",
    )),
    Program("t-online", words=_folded(
        "die folgende e-mail konnte nicht zugestellt werden", "ihre e-mail konnte nicht zugestellt werden",
        "ihre e-mail konnte nicht an den empfänger zugestellt werden", "ihre nachricht konnte nicht zugestellt werden",
        "eine nachricht, die sie versandt haben, konnte nicht", "konnte an folgende empfänger nicht zugestellt werden",
        "konnte an die folgende adresse nicht zugestellt werden",
    )),
    Program("barracuda", words=_folded(
        "your message was blocked by the barracuda", "barracuda spam firewall", "blocked by the recipient's spam filter barracuda",
    ), confidence=Confidence.MEDIUM),
    Program("gateway", words=_folded(
        "mimecast could not deliver", "your message was not delivered to the following recipients:",
        "the message that you sent was blocked by", "message could not be delivered due to the recipient's policy",
        "was rejected by the recipient's mail gateway", "this message could not be delivered because it was identified as",
    ), confidence=Confidence.MEDIUM),
    Program("x.400", words=_folded(
        "unable-to-transfer", "unrecognised-or-name", "unrecognised or-name", "unrecognised o/r name", "x400 non-delivery",
        "this is a non delivery notification", "non-delivery-reason",
    )),
    Program("opensmtpd", words=_folded("hi! this is the mailer-daemon")),
    Program("exim field", field="x-failed-recipients"),
    Program("amazon ses", words=_folded("an error occurred while trying to deliver the mail to the following recipients:")),
    Program("courier", words=_folded("this is a delivery status notification from", "undeliverable mail your message to the following recipients cannot be delivered")),
    Program("lotus notes", words=_folded("delivery failure report your document:", "failure reason", "rapport d'échec de remise"), senders=("mailer-daemon", "postmaster", "notes", "domino"), confidence=Confidence.MEDIUM),
    Program("icloud", words=_folded("this message was created automatically by the mail system (ecelerity)", "the following message to <")),
    Program("zimbra", words=_folded("this is the mail system at host")),
    Program("mail2world", words=_folded("could not be delivered to the following address(es)"), confidence=Confidence.MEDIUM),
)  # fmt: skip

# Subjects of reports that tell a delay, in front of FAILED_SUBJECTS since their words overlap.
DELAYED_SUBJECTS = _folded(
    "delayed mail", "delivery status notification (delay)", "could not send message for past", "message delayed",
    "delivery delayed", "mail delayed", "still being retried", "delivery is delayed", "delayed delivery",
    "delivery delay", "temporary delivery failure", "message delivery delayed", "warning: message delay",
    "transient delivery failure", "verzögert", "verzögerung", "zustellverzögerung", "retardé", "remise différée", "retrasad", "retraso en la entrega",
    "in ritardo", "ritardat", "atrasad", "atraso na entrega", "vertraagd", "vertraging", "opóźnion", "zpožděn", "försenad", "forsinket",
    "viivästy", "отложен", "задержк", "задержана", "gecik", "遅延", "遅れて", "延迟", "延遲", "지연",
)  # fmt: skip

FAILED_SUBJECTS = _folded(
    "undelivered mail", "returned mail", "mail delivery failed", "delivery status notification", "undeliverable",
    "delivery failure", "failure notice", "mail delivery failure", "delivery failed", "could not be delivered",
    "delivery has failed", "nondeliverable", "non-deliverable", "mail system error", "returned to sender", "return to sender", "permanent failure",
    "delivery report", "delivery notification", "undelivered message", "not delivered", "unable to deliver", "non-delivery", "nondelivery",
    "delivery problem", "delivery error", "mail could not be", "mail failure", "message status - undeliverable", "bounced mail", "failed delivery",
    "delivery unsuccessful", "message rejected", "rejected message", "problem delivering", "can't be delivered", "cannot be delivered", "mail error", "mail rejected", "message you sent blocked", "undeliver", "failed mail", "mail not delivered", "rejected: ",
    "unzustellbar", "nicht zustellbar", "zustellung fehlgeschlagen", "nicht zugestellt", "fehlgeschlagene zustellung", "fehlermeldung", "zustellfehler", "rücksendung",
    "non remis", "non distribuable", "échec de remise", "échec de la remise", "échec de livraison", "non délivré", "non délivrable", "non distribué", "notification d'échec", "échec de distribution", "retour de courrier", "echec de la remise", "non livré",
    "no se puede entregar", "no entregado", "no se pudo entregar", "error de entrega", "mensaje devuelto", "correo devuelto", "no se ha podido entregar", "fallo en la entrega", "fallo de entrega", "error en la entrega", "imposible entregar",
    "mancata consegna", "non recapitabile", "impossibile recapitare", "mancato recapito", "non recapitato", "recapito non riuscito", "non consegnat",
    "não é possível entregar", "não entregue", "falha na entrega", "não foi possível entregar", "mensagem devolvida", "falha ao entregar", "não pode ser entregue", "erro na entrega",
    "onbestelbaar", "niet te bezorgen", "niet afgeleverd", "niet bezorgd", "mislukte bezorging", "bezorging mislukt", "kan niet worden afgeleverd", "kan niet worden bezorgd",
    "niedostarczaln", "nie można dostarczyć", "nie dostarczono", "niedostarczon", "zwrot wiadomości", "nie została dostarczona",
    "nedoručiteln", "nelze doručit", "nedoručen", "olevererbar", "kan inte levereras", "kunde inte levereras", "kan ikke leveres", "kunne ikke leveres", "uleverbar", "ei voi toimittaa", "ei voitu toimittaa", "toimitus epäonnistui",
    "недоставлен", "не доставлен", "не может быть доставлен", "не удалось доставить", "ошибка доставки", "возврат", "невозможно доставить", "сбой доставки", "не може бути доставлен", "не доставлено",
    "teslim edilem", "iletilem", "kézbesíthet", "nem kézbesít", "nedostarčen", "nelivrat", "nu poate fi livrat", "αποτυχία παράδοσης", "δεν είναι δυνατή η παράδοση", "δεν παραδόθηκε", "לא ניתן למסירה", "تعذر التسليم", "تعذر تسليم",
    "配信不能", "配信できません", "配達不能", "送信エラー", "未配信", "送信不可", "配信に失敗", "配信エラー", "退信", "无法投递", "投递失败", "未送达", "無法傳遞", "無法寄達", "未传递", "被退回", "无法送达", "반송", "배달되지 않음", "배달할 수 없음", "전송 실패", "전송하지 못", "không gửi được", "gagal terkirim", "ไม่สามารถส่ง",
)  # fmt: skip

# Text of bounces whose program is not known.
FAILED_WORDS = _folded(
    "could not be delivered", "couldn't be delivered", "cannot be delivered", "can't be delivered", "was not delivered", "wasn't delivered", "undeliverable", "unable to deliver", "delivery failed", "delivery has failed", "not able to deliver", "permanent error", "permanent failure", "failed recipient", "delivery to the following recipient", "delivery failure", "was rejected", "has been rejected", "message rejected", "mail rejected", "unknown user", "user unknown", "no such user", "mailbox is full", "quota exceeded", "over quota", "returned to sender", "has been blocked", "was blocked", "been quarantined and will not be delivered", "wurde abgelehnt", "wurde abgewiesen", "a été refusé", "ha sido rechazado", "è stato rifiutato", "foi rejeitad", "is geweigerd", "zostało odrzucone", "был отклонен", "было отклонено", "not be delivered", "failed to deliver",
    "nicht zugestellt werden", "nicht zustellbar", "zustellung fehlgeschlagen", "n'a pas pu être", "n'a pu être", "n'a pas été remis", "impossible de délivrer", "no se ha podido entregar", "no pudo ser entregado", "no se pudo entregar", "no ha podido ser entregado", "non è stato possibile recapitare", "impossibile recapitare", "non può essere consegnato", "non può essere recapitato", "não pôde ser entregue", "não foi possível entregar", "não pode ser entregue", "kon niet worden afgeleverd", "kon niet worden bezorgd", "niet afgeleverd", "nie mogła zostać dostarczona", "nie można dostarczyć", "nie udało się dostarczyć", "nelze doručit", "nebylo možné doručit", "kunde inte levereras", "kunne ikke leveres", "ei voitu toimittaa",
    "не может быть доставлен", "не удалось доставить", "не было доставлено", "невозможно доставить", "не доставлено", "teslim edilemedi", "iletilemedi", "nem sikerült kézbesíteni", "配信できませんでした", "届けることができません", "お届けできませんでした", "送信できませんでした", "无法投递", "无法送达", "未能送达", "投递失败", "發送失敗", "전달하지 못", "배달하지 못", "전송되지 못",
)  # fmt: skip

# Beginnings of subjects that mail programs write before an answer of their own.
RESPONSE_SUBJECTS = _folded(
    "automatic reply", "automatic response", "automated reply", "automated response", "auto reply", "autoreply", "auto-reply", "auto response", "auto-response", "autoresponse", "autoresponder", "auto:", "autosvar", "[auto-reply]", "[autoreply]", "(auto reply)", "[auto reply]",
    "out of office", "out of the office", "out-of-office", "ooo:", "ooo -", "i am out of the office", "i'm out of the office", "i am currently out", "away from the office", "away from my mail", "away:", "vacation", "on vacation", "on leave", "annual leave", "maternity leave", "on holiday", "holiday notice", "not in the office", "no longer with", "no longer at", "i have left", "is out of the office", "away message", "absence", "thank you for your message", "thank you for your email", "thank you for contacting", "we have received your", "we received your", "your request has been received", "ticket received", "[ticket", "[request received]", "request received", "case received", "your message has been received", "change of email address", "change of e-mail address", "email address change", "new email address",
    "automatische antwort", "automatische rückantwort", "automatische eingangsbestätigung", "abwesenheitsnotiz", "abwesenheit", "abwesend", "autom. antwort", "eingangsbestätigung", "außer haus", "nicht im büro", "im urlaub", "urlaub", "bin im urlaub", "neue e-mail-adresse", "neue e-mail adresse",
    "réponse automatique", "reponse automatique", "absence du bureau", "absent du bureau", "message d'absence", "notification d'absence", "je suis absent", "absent(e)", "absent jusqu", "en congé", "congés", "accusé de réception",
    "automatisch antwoord", "automatische beantwoording", "automatisch bericht", "afwezig", "niet op kantoor", "ontvangstbevestiging", "niet aanwezig", "met vakantie",
    "respuesta automática", "respuesta automatica", "fuera de la oficina", "fuera de oficina", "ausente", "ausencia", "de vacaciones", "acuse de recibo", "autorrespuesta",
    "risposta automatica", "fuori ufficio", "fuori sede", "assente", "assenza", "in ferie", "risponditore automatico",
    "resposta automática", "resposta automatica", "fora do escritório", "fora do escritorio", "ausência", "em férias", "de férias",
    "odpowiedź automatyczna", "automatyczna odpowiedź", "autoodpowiedź", "poza biurem", "nieobecność", "nieobecny", "urlop", "potwierdzenie otrzymania",
    "automatická odpověď", "mimo kancelář", "automatická odpoveď", "mimo kancelárie", "dovolená", "nepřítomnost",
    "automatiskt svar", "frånvaro", "inte på kontoret", "semester", "automatisk svar", "fravær", "ikke til stede", "ikke på kontoret", "fraværende", "på ferie", "ferie",
    "automaattinen vastaus", "poissa", "poissaolo", "lomalla", "automatikus válasz", "házon kívül", "távollét", "szabadság", "răspuns automat", "automatski odgovor", "samodejni odgovor", "automaatvastus", "automātiskā atbilde", "automatinis atsakymas", "resposta automàtica", "balasan otomatis", "trả lời tự động", "otomatik yanıt", "otomatik cevap", "ofis dışında",
    "автоматический ответ", "автоответ", "автоматична відповідь", "автоматичен отговор", "нет на работе", "в отпуске", "отсутствую", "отпуск", "нахожусь в отпуске", "αυτόματη απάντηση", "εκτός γραφείου",
    "自動応答", "自動返信", "自動回答", "不在通知", "不在の", "不在です", "自动回复", "自动答复", "自動回覆", "自動回復", "外出", "자동 회신", "자동 응답", "자동응답", "부재중", "מענה אוטומטי", "תשובה אוטומטית", "رد تلقائي", "الرد التلقائي", "ตอบกลับอัตโนมัติ",
)  # fmt: skip

# What people let their programs say while they are away.
RESPONSE_WORDS = _folded(
    "i am out of the office", "i'm out of the office", "i am currently out of", "i'm currently out of", "i will be out of the office", "i am away from", "i am on vacation", "i'm on vacation", "i am on annual leave", "i'm on annual leave", "on maternity leave", "on parental leave", "limited access to email", "limited access to e-mail", "limited access to my email", "i will respond to your", "i will reply to your", "as soon as i return", "upon my return", "when i return", "no longer works", "no longer work", "no longer employed", "has left the company", "left the organisation", "left the organization", "no longer with", "this mailbox is no longer monitored", "this mailbox is not monitored", "this is an automated response", "this is an automatic reply", "this is an automated reply", "this is an automatic response", "this is an auto-reply", "thank you for your email", "thank you for your e-mail", "thank you for contacting", "thank you for your message", "we have received your", "we will get back to you", "ticket has been created", "please update your address book", "my new email address", "my email address has changed",
    "ich bin derzeit nicht", "ich bin bis", "ich bin ab", "bin ich nicht im büro", "nicht im büro", "nicht im hause", "ich bin im urlaub", "ihre e-mail wird nicht weitergeleitet", "in dringenden fällen", "nicht mehr im unternehmen", "nicht mehr für", "vielen dank für ihre", "dies ist eine automatische", "diese nachricht wurde automatisch",
    "je suis absent", "je suis actuellement absent", "je serai absent", "en cas d'urgence", "ceci est une réponse automatique", "ne fait plus partie", "a quitté la société", "a quitté l'entreprise", "nous avons bien reçu",
    "ik ben afwezig", "ik ben niet aanwezig", "ik ben op vakantie", "ik ben niet op kantoor", "dit is een automatisch", "bedankt voor uw", "niet meer werkzaam", "estoy fuera de la oficina", "estaré fuera", "estoy de vacaciones", "hemos recibido su", "ya no trabaja", "sono fuori ufficio", "sarò assente", "sono in ferie", "estou fora do escritório", "estarei ausente", "estou de férias", "jestem poza biurem", "przebywam na urlopie", "jsem mimo kancelář", "jag är inte på kontoret", "jag är på semester", "jeg er ikke på kontoret", "jeg er på ferie", "olen lomalla", "szabadságon vagyok", "я нахожусь в отпуске", "я в отпуске", "меня не будет", "в настоящее время я", "yıllık izinde", "ofis dışındayım", "不在にして", "休暇", "夏季休業", "外出しております", "我正在休假", "我不在办公室", "您的邮件我已收到", "收到您的来信", "您的来信已收到", "휴가 중", "부재중", "λείπω",
)  # fmt: skip

# Fields that programs which answer put in; the value says nothing more, but for the two with a table.
RESPONSE_FIELDS = ("x-autoreply", "x-autorespond", "x-auto-reply", "x-autoresponder", "x-autoreply-from", "x-auto-reply-from", "x-auto-responder", "x-mail-autoreply", "x-vacation", "x-qq-autoreply", "x-fc-machinegenerated")  # fmt: skip
RESPONSE_PRECEDENCES = frozenset(("auto_reply", "auto-reply", "autoreply", "auto_response"))


class Challenger(NamedTuple):
    """A program that asks senders to prove themselves: a phrase in the text or the subject, or the field, is enough."""

    name: str
    phrases: tuple[str, ...]
    field: str = ""
    confidence: Confidence = Confidence.HIGH


CHALLENGERS = (
    Challenger("tmda", _folded("this message was created automatically by mail delivery software (tmda)", "tmda (tagged message delivery agent)"), "x-tmda-fingerprint"),
    Challenger("boxbe", _folded("boxbe.com", "is using boxbe to protect")),
    Challenger("spamarrest", _folded("spamarrest.com", "spam arrest")),
    Challenger("earthlink", _folded("suspect email blocking", "webmail.earthlink.net/wam/addme", "spamblocker-challenge", "pass my suspect email", "earthlink spamblocker")),
    Challenger("ask", _folded("active spam killer", "ask/", "please confirm (conf#"), "x-ask-auth"),
    Challenger("mailinblack", _folded("mailinblack", "invitation à vous authentifier")),
    Challenger("bluebottle", _folded("bluebottle.com", "bluebottle email verification")),
    Challenger("uol", _folded("antispam uol", "antispam.uol.com.br", "anti-spam uol")),
    Challenger("choicemail", _folded("choicemail", "digiportal.com")),
    Challenger("sender verification", _folded(
        "verify that you are a real person", "prove that you are human", "prove you are human", "prove you're not a spammer", "confirm that you are a real person", "you are not on my approved list", "i'm protecting myself from receiving junk", "i am protecting myself from receiving junk", "to release your message from quarantine, click", "your message is being held until you", "is protected by a challenge", "challenge-response", "requires verification of the sender", "complete the verification process", "please reply to this message to confirm", "just this once, click the link below", "um ihre nachricht zuzustellen, bestätigen sie", "bestätigen sie bitte ihre absenderadresse", "pour que votre message soit délivré, veuillez", "confirmez que vous n'êtes pas un robot", "confirme que usted no es un robot", "подтвердите, что вы не робот", "please confirm your message",
    ), confidence=Confidence.MEDIUM),
)  # fmt: skip

# What failed, by the words of the diagnostic; what is not about the recipient comes first, so that a doubt never
# makes a recipient unknown. (class, phrases that are certain, phrases that are not)
CLASSES: tuple[tuple[FailureClass, tuple[str, ...], tuple[str, ...]], ...] = (
    (FailureClass.GREYLISTING, _folded("greylist", "graylist", "grey-list", "try again in a few minutes", "postgrey"), ()),
    (FailureClass.AUTHENTICATION, _folded(
        "spf check", "spf fail", "spf validation", "fails spf", "failed spf", "spf record", "does not designate", "dkim check", "dkim fail", "dkim signature", "dmarc", "unauthenticated email", "unauthenticated mail", "sender is unauthenticated", "not authenticated", "authentication check", "lacks authentication", "ptr record", "reverse dns", "reverse lookup", "reverse hostname", "rdns", "no ptr", "starttls", "tls required", "must use tls", "encryption required",
    ), ()),
    (FailureClass.RATE, _folded(
        "rate limit", "ratelimit", "rate-limit", "too many messages", "too many emails", "too many connections", "too many recipients", "receiving mail at a rate", "receiving mail too quickly", "too fast", "throttl", "exceeded the limit", "sending limit", "daily limit", "hourly limit", "unusual rate", "frequency limit", "over its sending", "sending rate", "频率", "发送频率", "too many bad commands",
    ), ()),
    (FailureClass.REPUTATION, _folded(
        "spamhaus", "spamcop", "barracudacentral", " sorbs", "dnsbl", " rbl", "blacklist", "blocklist", "block list", "black list", "blocked using", "poor reputation", "reputation", "has been blocked", "ip blocked", "is blocked", "blocked by", "is listed", "listed at", "listed by", "banned", "denylist", "sender blocked", "bad sender", "blocked sender", "not accepting mail from", "we don't accept mail from", "no se acepta correo de", "your ip", "this ip", "ip address", "gesperrt", "cloudmark", "senderscore", "s3140", "s3150", "tss04", "ts03", "ts01", "(bl)", "5.7.606", "5.7.511", "address rejected due to blacklist",
    ), ()),
    (FailureClass.CONTENT, _folded(
        "as spam", "spam detected", "spam message", "spam content", "is spam", "be spam", "like spam", "spam mail", "spammessage", "considered unsolicited", "unsolicited", "unsolicited mail", "virus", "malware", "phish", "infected", "content reject", "message content", "content filter", "rejected for policy reasons: content", "prohibited attachment", "attachment type", "attachment blocked", "banned file", "message refused", "bare lf", "line too long", "malformed", "invalid header", "spam score", "spamassassin", "spam reject", "high probability of spam", "url blocked", "контент", "спам", "垃圾邮件", "スパム", "spam filter", "spamfilter", "suspicious",
    ), ()),
    (FailureClass.TOO_LARGE, _folded(
        "too large", "too big", "size limit", "maximum size", "exceeds size", "message size", "max message size", "exceeds the maximum", "larger than", "exceeds fixed maximum", "zu gross", "zu groß", "trop volumineux", "trop gros", "demasiado grande", "troppo grande", "muito grande", "te groot", "zbyt duż", "слишком больш", "サイズ", "超过大小", "过大",
    ), ()),
    (FailureClass.MAILBOX_FULL, _folded(
        "mailbox full", "mailbox is full", "mail box full", "mailbox exceeded", "over quota", "overquota", "quota exceeded", "exceeded quota", "exceeds quota", "quota exceed", "exceed quota", "exceeded storage", "out of storage", "insufficient system storage for user", "inbox is full", "inbox full", "mailfolder is full", "disk quota", "storage quota", "user is over", "mailbox size limit", "mailbox has exceeded", "not enough storage", "no space left in mailbox", "account is full", "full mailbox", "box is full", "mailbox overflow", "mailbox limit", "quota", "postfach ist voll", "postfach voll", "mailbox voll", "speicherplatz", "boîte pleine", "boîte aux lettres pleine", "est pleine", "boîte de réception est pleine", "buzón lleno", "buzón está lleno", "bandeja de entrada está llena", "buzón de correo está lleno", "casella piena", "casella è piena", "casella di posta è piena", "caixa cheia", "caixa de correio cheia", "caixa de entrada está cheia", "caixa de correio está cheia", "postvak is vol", "mailbox is vol", "postvak vol", "skrzynka jest pełna", "przepełnion", "skrzynka pełna", "schránka je plná", "schránka plná", "brevlådan är full", "postkassen er fuld", "innboksen er full", "postkassen er full", "postilaatikko on täynnä", "ящик переполнен", "переполнен", "kutusu dolu", "betelt", "容量を超え", "容量不足", "いっぱい", "邮箱已满", "收件箱已满", "空间不足", "信箱已滿", "용량 초과", "용량을 초과", "사서함이 가득",
    ), ()),
    (FailureClass.DISABLED, _folded(
        "account disabled", "account is disabled", "account has been disabled", "mailbox disabled", "mailbox is disabled", "user disabled", "account inactive", "account is inactive", "user is inactive", "inactive user", "inactive account", "mailbox is inactive", "mailbox inactive", "account suspended", "user suspended", "account is suspended", "has been suspended", "suspended", "deactivated", "temporarily locked", "account closed", "account has been closed", "mailbox closed", "account expired", "account has expired", "locked mailbox", "mailbox is locked", "has moved", "user has moved", "not active", "address no longer accepts mail", "no longer accepts mail", "not accepting mail", "not accepting messages", "account terminated", "deaktiviert", "inaktiv", "désactivé", "desactivada", "deshabilitad", "disattivat", "desativad", "gedeactiveerd", "nieaktywn", "zablokowan", "неактив", "заблокирован", "отключен", "已停用", "被禁用", "已冻结",
    ), ()),
    (FailureClass.NO_SUCH_DOMAIN, _folded(
        "host not found", "host unknown", "unknown host", "no such host", "domain not found", "no such domain", "domain does not exist", "domain doesn't exist", "domain name not found", "unknown domain", "bad destination host", "unknown mail host", "invalid domain", "nxdomain", "null mx", "nullmx", "does not accept mail", "doesn't accept mail", "couldn't find any host", "can't find any host", "cannot find any host", "name or service not known", "domain couldn't be found", "domain could not be found", "dns error: domain", "unrouteable mail domain", "unrouteable domain", "all relevant mx records point to non-existent hosts", "name service error for name", "domäne nicht gefunden", "domain existiert nicht", "domaine inconnu", "dominio no existe", "dominio inesistente", "domínio não existe", "домен не", "域名不存在", "ドメインが",
    ), ()),
    (FailureClass.NO_SUCH_USER, _folded(
        "user unknown", "unknown user", "no such user", "no such mailbox", "no such recipient", "no such address", "no such account", "no such person", "no such local user", "no mailbox here", "recipient not found", "recipientnotfound", "recipnotfound", "user not found", "mailbox not found", "address not found", "account not found", "email address could not be found", "address couldn't be found", "address could not be found", "email address you entered couldn't be found", "mail address could not be found", "does not exist", "doesn't exist", "not exist", "doesn't have", "does not have a", "unknown recipient", "recipient unknown", "unknown address", "address unknown", "addressee unknown", "unknown local part", "unknown local-part", "unknown or illegal alias", "unknown mailbox", "mailbox unknown", "unknown account", "invalid recipient", "invalid mailbox", "invalid user", "bad address", "bad destination mailbox", "not a valid mailbox", "not a valid user", "not a valid recipient", "isn't a valid", "not our customer", "not a known user", "not known at this site", "is not known", "not listed in domino directory", "not listed in public name", "not listed in", "user is unknown", "user doesn't", "nosuchuser", "no valid recipient", "nobody by that name", "no one by that name", "no account by that name", "recipient does not", "addressee is unknown", "no longer valid", "unrecognised-or-name", "unrecognised or-name", "unrecognised o/r name", "has no mailbox", "undeliverable address", "user account not found", "user name is not", "couldn't be found", "wasn't found at", "not found in the directory",
        "unbekannt", "existiert nicht", "nicht gefunden", "kein postfach", "nicht bekannt", "n'existe pas", "inconnu", "introuvable", "n'a pas été trouvé", "no existe", "desconocid", "no encontrad", "no se encontró", "no se ha encontrado", "non esiste", "sconosciut", "inesistente", "non trovat", "não existe", "inexistente", "não encontrad", "bestaat niet", "onbekend", "niet gevonden", "nie istnieje", "nieznany", "neexistuje", "neznámý", "nenalezen", "finns inte", "okänd", "findes ikke", "ukendt", "finnes ikke", "ukjent", "ei ole olemassa", "ei löydy", "tuntematon", "nem létezik", "ismeretlen", "nu există", "не существует", "не найден", "неизвест", "нет такого", "такого пользователя нет", "несуществующ", "mevcut değil", "bulunamadı", "δεν υπάρχει", "存在しません", "存在しない", "見つかりません", "宛先不明", "ユーザーが", "不存在", "找不到", "未找到", "存在하지", "존재하지 않", "없는 사용자",
    ), _folded(
        "unrouteable address", "unroutable address", "mailbox unavailable", "user unavailable", "recipient rejected", "recipient address rejected", "no longer works", "address rejected", "cannot find user", "not a local user", "undeliverable to", "address error", "mailbox does not", "recipient invalid", "requested action not taken", "could not be found",
    )),
    (FailureClass.POLICY, _folded(
        "relay", "access denied", "not permitted", "not allowed", "not authorized", "not authorised", "unauthorized", "permission", "restricted", "rejected by policy", "policy violation", "policy", "prohibited", "administrative", "administratively", "refused by", "transport rules", "only accepts", "doesn't accept messages from", "does not accept messages from", "your message has been rejected", "not accept email from", "security polic", "nicht erlaubt", "nicht berechtigt", "verweigert", "non autorisé", "refusé", "no autorizado", "rechazad", "non autorizzat", "não autorizad", "niet toegestaan", "geweigerd", "запрещ", "отклонен", "拒绝", "拒否",
    ), ()),
    (FailureClass.INFRASTRUCTURE, _folded(
        "timed out", "timeout", "time out", "connection refused", "connection lost", "lost connection", "connection reset", "could not connect", "couldn't connect", "not responding", "no route to host", "network is unreachable", "network unreachable", "temporary failure", "temporarily", "try again later", "retry time not reached", "retry timeout exceeded", "expired", "too old", "could not be delivered for", "in the queue too long", "has been in queue", "too many hops", "hop count", "mail loop", "loops back", "loop detected", "mail forwarding loop", "routing loop", "service unavailable", "service not available", "server error", "system error", "configuration error", "local error", "internal error", "local configuration", "disk full", "no space left", "insufficient system", "resources", "wasn't able to establish an smtp connection", "unable to connect", "no hosts", "dns", "server is down", "overloaded", "zeitüberschreitung", "délai", "tiempo de espera", "tempo scaduto", "истекло", "超时", "タイムアウト",
    ), ()),
)  # fmt: skip

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
    "7.4": FailureClass.AUTHENTICATION,
    "7.8": FailureClass.AUTHENTICATION,
    "7.9": FailureClass.AUTHENTICATION,
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
