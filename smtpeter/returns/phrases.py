"""Tables: the phrases by which failures, delays and automatic answers are known, in many languages side by side.

Phrases are looked for in case-folded text with single blanks, so write them in lower case with single blanks. A
table's order is its precedence. `programs` has the tables of programs, `classes` those of what failed. With each
phrase goes a message that has it, in tests/returns/corpus.
"""

from __future__ import annotations


def folded(*phrases: str) -> tuple[str, ...]:
    """Phrases in the form in which they are looked for."""
    return tuple(" ".join(phrase.casefold().split()) for phrase in phrases)


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

# Subjects of reports that tell a delay, in front of FAILED_SUBJECTS since their words overlap.
DELAYED_SUBJECTS = folded(
    "delayed mail", "delivery status notification (delay)", "could not send message for past",
    "could not send mail for past", "message delayed",
    "delivery delayed", "mail delayed", "still being retried", "delivery is delayed", "delayed delivery",
    "delivery delay", "temporary delivery failure", "message delivery delayed", "warning: message delay",
    "transient delivery failure", "verzögert", "verzögerung", "zustellverzögerung", "retardé", "remise différée",
    "retrasad", "retraso en la entrega",
    "in ritardo", "ritardat", "atrasad", "atraso na entrega", "vertraagd", "vertraging", "opóźnion", "zpožděn",
    "försenad", "forsinket",
    "viivästy", "отложен", "задержк", "задержана", "gecik", "遅延", "遅れて", "延迟", "延遲", "지연",
)  # fmt: skip

FAILED_SUBJECTS = folded(
    "undelivered mail", "returned mail", "mail delivery failed", "delivery status notification", "undeliverable",
    "delivery failure", "failure notice", "mail delivery failure", "delivery failed", "could not be delivered",
    "delivery has failed", "nondeliverable", "non-deliverable", "mail system error", "returned to sender",
    "return to sender", "permanent failure",
    "delivery report", "delivery notification", "undelivered message", "not delivered", "unable to deliver",
    "non-delivery", "nondelivery",
    "delivery problem", "delivery error", "mail could not be", "mail failure", "message status - undeliverable",
    "bounced mail", "failed delivery",
    "delivery unsuccessful", "message rejected", "rejected message", "problem delivering", "can't be delivered",
    "cannot be delivered", "mail error", "mail rejected", "message you sent blocked", "undeliver", "failed mail",
    "mail not delivered", "rejected: ",
    "unzustellbar", "nicht zustellbar", "zustellung fehlgeschlagen", "nicht zugestellt", "fehlgeschlagene zustellung",
    "fehlermeldung", "zustellfehler", "rücksendung",
    "non remis", "non distribuable", "échec de remise", "échec de la remise", "échec de livraison", "non délivré",
    "non délivrable", "non distribué", "notification d'échec", "échec de distribution", "retour de courrier",
    "echec de la remise", "non livré",
    "no se puede entregar", "no entregado", "no se pudo entregar", "error de entrega", "mensaje devuelto",
    "correo devuelto", "no se ha podido entregar", "fallo en la entrega", "fallo de entrega", "error en la entrega",
    "imposible entregar",
    "mancata consegna", "non recapitabile", "impossibile recapitare", "mancato recapito", "non recapitato",
    "recapito non riuscito", "non consegnat",
    "não é possível entregar", "não entregue", "falha na entrega", "não foi possível entregar", "mensagem devolvida",
    "falha ao entregar", "não pode ser entregue", "erro na entrega",
    "onbestelbaar", "niet te bezorgen", "niet afgeleverd", "niet bezorgd", "mislukte bezorging", "bezorging mislukt",
    "kan niet worden afgeleverd", "kan niet worden bezorgd",
    "niedostarczaln", "nie można dostarczyć", "nie dostarczono", "niedostarczon", "zwrot wiadomości",
    "nie została dostarczona",
    "nedoručiteln", "nelze doručit", "nedoručen", "olevererbar", "kan inte levereras", "kunde inte levereras",
    "kan ikke leveres", "kunne ikke leveres", "uleverbar", "ei voi toimittaa", "ei voitu toimittaa",
    "toimitus epäonnistui",
    "недоставлен", "не доставлен", "не может быть доставлен", "не удалось доставить", "ошибка доставки", "возврат",
    "невозможно доставить", "сбой доставки", "не може бути доставлен", "не доставлено",
    "teslim edilem", "iletilem", "kézbesíthet", "nem kézbesít", "nedostarčen", "nelivrat", "nu poate fi livrat",
    "αποτυχία παράδοσης", "δεν είναι δυνατή η παράδοση", "δεν παραδόθηκε", "לא ניתן למסירה", "تعذر التسليم",
    "تعذر تسليم",
    "配信不能", "配信できません", "配達不能", "送信エラー", "未配信", "送信不可", "配信に失敗", "配信エラー",
    "メールエラー", "退信", "无法投递", "投递失败", "未送达", "無法傳遞", "無法寄達", "未传递", "被退回", "无法送达",
    "반송", "배달되지 않음", "배달할 수 없음", "전송 실패", "전송하지 못", "không gửi được", "gagal terkirim",
    "ไม่สามารถส่ง",
)  # fmt: skip

# Text of bounces whose program is not known.
FAILED_WORDS = folded(
    "could not be delivered", "couldn't be delivered", "cannot be delivered", "can't be delivered",
    "was not delivered", "wasn't delivered", "undeliverable", "unable to deliver", "delivery failed",
    "delivery has failed", "not able to deliver", "permanent error", "permanent failure", "failed recipient",
    "delivery to the following recipient", "delivery failure", "was rejected", "has been rejected",
    "message rejected", "mail rejected", "unknown user", "user unknown", "no such user", "mailbox is full",
    "quota exceeded", "over quota", "returned to sender", "has been blocked", "was blocked",
    "been quarantined and will not be delivered", "wurde abgelehnt", "wurde abgewiesen", "a été refusé",
    "ha sido rechazado", "è stato rifiutato", "foi rejeitad", "is geweigerd", "zostało odrzucone", "был отклонен",
    "было отклонено", "not be delivered", "failed to deliver", "delivery errors",
    "nicht zugestellt werden", "nicht zustellbar", "zustellung fehlgeschlagen", "n'a pas pu être", "n'a pu être",
    "n'a pas été remis", "impossible de délivrer", "no se ha podido entregar", "no pudo ser entregado",
    "no se pudo entregar", "no ha podido ser entregado", "non è stato possibile recapitare", "impossibile recapitare",
    "non può essere consegnato", "non può essere recapitato", "não pôde ser entregue", "não foi possível entregar",
    "não pode ser entregue", "kon niet worden afgeleverd", "kon niet worden bezorgd", "niet afgeleverd",
    "nie mogła zostać dostarczona", "nie można dostarczyć", "nie udało się dostarczyć", "nelze doručit",
    "nebylo možné doručit", "kunde inte levereras", "kunne ikke leveres", "ei voitu toimittaa",
    "не может быть доставлен", "не удалось доставить", "не было доставлено", "невозможно доставить", "не доставлено",
    "teslim edilemedi", "iletilemedi", "nem sikerült kézbesíteni", "配信できませんでした", "届けることができません",
    "お届けできませんでした", "送信できませんでした", "无法投递", "无法送达", "未能送达", "投递失败", "發送失敗",
    "전달하지 못", "배달하지 못", "전송되지 못",
)  # fmt: skip

# Beginnings of subjects that mail programs write before an answer of their own.
RESPONSE_SUBJECTS = folded(
    "automatic reply", "automatic response", "automated reply", "automated response", "auto reply", "autoreply",
    "auto-reply", "auto response", "auto-response", "autoresponse", "autoresponder", "auto:", "autosvar",
    "[auto-reply]", "[autoreply]", "(auto reply)", "[auto reply]",
    "out of office", "out of the office", "out-of-office", "ooo:", "ooo -", "i am out of the office",
    "i'm out of the office", "i am currently out", "away from the office", "away from my mail", "away:", "vacation",
    "on vacation", "on leave", "annual leave", "maternity leave", "on holiday", "holiday notice", "not in the office",
    "no longer with", "no longer at", "i have left", "is out of the office", "away message", "absence",
    "thank you for your message", "thank you for your email", "thank you for contacting", "we have received your",
    "we received your", "your request has been received", "ticket received", "[ticket", "[request received]",
    "request received", "case received", "your message has been received", "change of email address",
    "change of e-mail address", "email address change", "new email address",
    "automatische antwort", "automatische rückantwort", "automatische eingangsbestätigung", "abwesenheitsnotiz",
    "abwesenheit", "abwesend", "autom. antwort", "eingangsbestätigung", "außer haus", "nicht im büro", "im urlaub",
    "urlaub", "bin im urlaub", "neue e-mail-adresse", "neue e-mail adresse",
    "réponse automatique", "reponse automatique", "absence du bureau", "absent du bureau", "message d'absence",
    "notification d'absence", "je suis absent", "absent(e)", "absent jusqu", "en congé", "congés",
    "accusé de réception",
    "automatisch antwoord", "automatische beantwoording", "automatisch bericht", "afwezig", "niet op kantoor",
    "ontvangstbevestiging", "niet aanwezig", "met vakantie",
    "respuesta automática", "respuesta automatica", "fuera de la oficina", "fuera de oficina", "ausente", "ausencia",
    "de vacaciones", "acuse de recibo", "autorrespuesta",
    "risposta automatica", "fuori ufficio", "fuori sede", "assente", "assenza", "in ferie", "risponditore automatico",
    "resposta automática", "resposta automatica", "fora do escritório", "fora do escritorio", "ausência", "em férias",
    "de férias",
    "odpowiedź automatyczna", "automatyczna odpowiedź", "autoodpowiedź", "poza biurem", "nieobecność", "nieobecny",
    "urlop", "potwierdzenie otrzymania",
    "automatická odpověď", "mimo kancelář", "automatická odpoveď", "mimo kancelárie", "dovolená", "nepřítomnost",
    "automatiskt svar", "frånvaro", "inte på kontoret", "semester", "automatisk svar", "fravær", "ikke til stede",
    "ikke på kontoret", "fraværende", "på ferie", "ferie",
    "automaattinen vastaus", "poissa", "poissaolo", "lomalla", "automatikus válasz", "házon kívül", "távollét",
    "szabadság", "răspuns automat", "automatski odgovor", "samodejni odgovor", "automaatvastus",
    "automātiskā atbilde", "automatinis atsakymas", "resposta automàtica", "balasan otomatis", "trả lời tự động",
    "otomatik yanıt", "otomatik cevap", "ofis dışında",
    "автоматический ответ", "автоответ", "автоматична відповідь", "автоматичен отговор", "нет на работе", "в отпуске",
    "отсутствую", "отпуск", "нахожусь в отпуске", "αυτόματη απάντηση", "εκτός γραφείου",
    "自動応答", "自動返信", "自動回答", "不在通知", "不在の", "不在です", "自动回复", "自动答复", "自動回覆",
    "自動回復", "外出", "자동 회신", "자동 응답", "자동응답", "부재중", "מענה אוטומטי", "תשובה אוטומטית", "رد تلقائي",
    "الرد التلقائي", "ตอบกลับอัตโนมัติ",
)  # fmt: skip

# What people let their programs say while they are away.
RESPONSE_WORDS = folded(
    "i am out of the office", "i'm out of the office", "i am currently out of", "i'm currently out of",
    "i will be out of the office", "i am away from", "i am on vacation", "i'm on vacation", "i am on annual leave",
    "i'm on annual leave", "on maternity leave", "on parental leave", "limited access to email",
    "limited access to e-mail", "limited access to my email", "i will respond to your", "i will reply to your",
    "as soon as i return", "upon my return", "when i return", "no longer works", "no longer work",
    "no longer employed", "has left the company", "left the organisation", "left the organization", "no longer with",
    "this mailbox is no longer monitored", "this mailbox is not monitored", "this is an automated response",
    "this is an automatic reply", "this is an automated reply", "this is an automatic response",
    "this is an auto-reply", "thank you for your email", "thank you for your e-mail", "thank you for contacting",
    "thank you for your message", "we have received your", "we will get back to you", "ticket has been created",
    "please update your address book", "my new email address", "my email address has changed",
    "ich bin derzeit nicht", "ich bin bis", "ich bin ab", "bin ich nicht im büro", "nicht im büro", "nicht im hause",
    "ich bin im urlaub", "ihre e-mail wird nicht weitergeleitet", "in dringenden fällen", "nicht mehr im unternehmen",
    "nicht mehr für", "vielen dank für ihre", "dies ist eine automatische", "diese nachricht wurde automatisch",
    "je suis absent", "je suis actuellement absent", "je serai absent", "en cas d'urgence",
    "ceci est une réponse automatique", "ne fait plus partie", "a quitté la société", "a quitté l'entreprise",
    "nous avons bien reçu",
    "ik ben afwezig", "ik ben niet aanwezig", "ik ben op vakantie", "ik ben niet op kantoor",
    "dit is een automatisch", "bedankt voor uw", "niet meer werkzaam", "estoy fuera de la oficina", "estaré fuera",
    "estoy de vacaciones", "hemos recibido su", "ya no trabaja", "sono fuori ufficio", "sarò assente",
    "sono in ferie", "estou fora do escritório", "estarei ausente", "estou de férias", "jestem poza biurem",
    "przebywam na urlopie", "jsem mimo kancelář", "jag är inte på kontoret", "jag är på semester",
    "jeg er ikke på kontoret", "jeg er på ferie", "olen lomalla", "szabadságon vagyok", "я нахожусь в отпуске",
    "я в отпуске", "меня не будет", "в настоящее время я", "yıllık izinde", "ofis dışındayım", "不在にして", "休暇",
    "夏季休業", "外出しております", "我正在休假", "我不在办公室", "您的邮件我已收到", "收到您的来信",
    "您的来信已收到", "휴가 중", "부재중", "λείπω",
)  # fmt: skip

# Fields that programs which answer put in; the value says nothing more, but for the two with a table.
RESPONSE_FIELDS = ("x-autoreply", "x-autorespond", "x-auto-reply", "x-autoresponder", "x-autoreply-from",
    "x-auto-reply-from", "x-auto-responder", "x-mail-autoreply", "x-vacation", "x-qq-autoreply", "x-apple-action",
    "x-fc-machinegenerated")  # fmt: skip
RESPONSE_PRECEDENCES = frozenset(("auto_reply", "auto-reply", "autoreply", "auto_response"))
