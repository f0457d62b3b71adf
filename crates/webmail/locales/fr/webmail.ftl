# Les phrases du webmail. Les espaces insécables devant « : ; ! ? » sont mises à la lecture.

skip = Aller au contenu
new-tab = (nouvel onglet)
error-label = Erreur :
warning-label = Attention :

# Connexion
login-title = Se connecter
login-id = Identifiant ou adresse de courriel
login-id-hint = Votre numéro d’identification académique, ou votre adresse prenom.nom.
login-password = Mot de passe
login-show = Afficher
login-hide = Masquer
login-button = Se connecter
login-advice = Personne ne vous demandera jamais votre mot de passe, ni par courriel ni par téléphone.
login-refused = L’identifiant ou le mot de passe ne convient pas. Vérifiez-les ; après plusieurs essais, attendez quelques minutes.
login-missing = Saisissez votre identifiant et votre mot de passe.
login-stale = La page était ouverte depuis trop longtemps. Saisissez de nouveau votre mot de passe.
login-first = Première connexion ? Saisissez ici le code provisoire de votre feuille.
login-left = Vous êtes déconnecté.
logout = Se déconnecter

# Première connexion
first-login-title = Choisissez votre mot de passe
first-login-title-error = À corriger – { $title }
first-login-hello = Bonjour { $name }, voici votre adresse :
first-login-rule-length = { $min } caractères au moins, sans autre obligation.
first-login-rule-sentence = Quatre ou cinq mots sans rapport entre eux font un bon mot de passe, facile à retenir.
first-login-rule-own = Évitez votre nom, votre établissement, votre identifiant et les années : on les essaie en premier.
first-login-password = Nouveau mot de passe
first-login-again = Le même, encore une fois
first-login-button = Enregistrer et ouvrir ma boîte
first-login-count = caractères sur
first-login-enough = La longueur suffit. La facilité à le deviner sera vérifiée à l’enregistrement.
first-login-refused = Ce mot de passe ne convient pas :
first-login-strength = Force estimée : { $bits } sur { $needed }
first-login-differs = les deux saisies ne sont pas les mêmes. Saisissez-le de nouveau.
first-login-over = Ce code provisoire ne peut plus servir : il a déjà été utilisé, remplacé, ou son délai est passé. Si vous avez choisi un mot de passe, connectez-vous avec lui ; sinon, adressez-vous au responsable informatique de votre établissement.
first-login-done = Votre mot de passe est enregistré. Il vaut aussi pour votre téléphone et vos logiciels de messagerie.
weak-short = il a { $chars } caractères, il en faut { $min }.
weak-long = il est trop long : { $max } octets au plus.
weak-control = il contient un caractère invisible, peut-être un retour à la ligne.
weak-common = beaucoup de gens ont le même.
weak-own-words = il est fait de mots qui vous désignent : votre nom, votre établissement ou vos numéros.
weak-guessable = il se devine facilement. Ajoutez un ou deux mots sans rapport ; les mots courants, les années, les répétitions et les suites de touches comptent peu.

# Cadre
search-label = Rechercher dans tous les dossiers
search-hint = Rechercher
search-button = Rechercher
tabs-label = Accès rapide
tab-inbox = Réception
compose-link = Écrire
unread-count = { $count ->
    [one] message non lu
   *[other] messages non lus
}

# Dossiers
folders-title = Dossiers
folder-inbox = Boîte de réception
folder-drafts = Brouillons
folder-sent = Envoyés
folder-archive = Archives
folder-junk = Indésirables
folder-trash = Corbeille

# Liste
list-range = { $first }–{ $last } sur { $all }
messages-count = { $count ->
    [one] 1 message
   *[other] { $count } messages
}
list-all = Tout cocher
list-tick = Cocher : { $subject }, { $person }
list-unread = Non lu :
list-to = À :
list-nobody = (sans nom)
list-no-recipient = (sans destinataire)
list-flagged = Suivi
list-attachment = Pièce jointe
list-answered = Répondu
list-forwarded = Transféré
list-leaving = votre compte sera supprimé le { $day }. D’ici là il reçoit et se lit, mais rien ne s’y change ni ne s’envoie : emportez ce qui est à vous.
list-locked = votre mot de passe a été remplacé sur votre seule identité : le courriel reçu auparavant reste fermé, et les logiciels de messagerie aussi, jusqu’à ce que le responsable informatique de votre établissement confirme que c’est bien vous.
list-empty = Ce dossier est vide.
list-changed = Un nouveau message est arrivé.
no-subject = (sans objet)
bulk-label = Messages cochés
pages-label = Pages
pages-newer = ← Plus récents
pages-older = Plus anciens →

# Actions
action-seen = Marquer lu
action-unseen = Marquer non lu
action-flag = Suivre ce message
action-unflag = Ne plus suivre
action-archive = Archiver
action-delete = Supprimer
action-delete-for-ever = Supprimer définitivement
action-move = Déplacer
action-move-to = Déplacer vers
action-choose = Choisir un dossier
action-reply = Répondre
action-reply-all = Répondre à tous
action-forward = Transférer
action-more = Plus d’actions
action-continue = Continuer à écrire
notice-none-ticked = Cochez d’abord au moins un message.
notice-no-target = Choisissez d’abord le dossier où déplacer.
notice-moved-one = Le message est maintenant dans « { $folder } ».
notice-moved = { $count } messages sont maintenant dans « { $folder } ».
notice-deleted = { $count ->
    [one] Le message est supprimé définitivement.
   *[other] { $count } messages sont supprimés définitivement.
}
notice-draft-deleted = Le brouillon est supprimé.
notice-sent = Le message est envoyé.
notice-scheduled = Envoi programmé : { $date }.
undo-button = Annuler l’envoi
undo-for = Vous pouvez annuler l’envoi pendant { $seconds } secondes.
notice-sent-no-copy = Le message est envoyé, mais la copie n’a pas pu être rangée dans « Envoyés ».

# Message
back-to = ← { $folder }
message-newer = Plus récent
message-older = Plus ancien
message-from = De
message-to = À
message-cc = Copie
message-date = Date
message-others = et { $count } autres
message-to-hidden = Destinataires non indiqués
message-poses = le nom affiché ressemble à une adresse, mais ce n’est pas celle de l’expéditeur.
message-files = { $count ->
    [one] 1 pièce jointe
   *[other] { $count } pièces jointes
}
message-text = Texte du message
message-no-text = Ce message ne contient pas de texte.
message-cut = Le message est très long : seul le début est affiché.
message-as-text = Afficher en texte seul
message-as-html = Afficher avec la mise en forme
message-source = Enregistrer le message complet
file-download = Télécharger
file-see = Voir
quote-show = Afficher le texte cité
images-blocked = Les images distantes ne sont pas affichées, pour que l’expéditeur ne sache pas que vous lisez ce message.
link-elsewhere = un lien affiche « { $says } », mais mène à « { $leads } ».
link-look-alike = un lien mène à « { $leads } », un nom dont les lettres ressemblent à d’autres.
html-too-large = La mise en forme de ce message est trop lourde : il est affiché en texte seul.

# Écrire
compose-title = Nouveau message
compose-title-reply = Réponse
compose-title-forward = Transfert
compose-title-error = À corriger – { $title }
compose-errors = Le message n’est pas encore envoyé
compose-from = De
compose-to = À
compose-to-hint = Séparez plusieurs adresses par des virgules.
compose-cc = Copie (Cc)
compose-bcc = Copie cachée (Cci)
compose-subject = Objet
compose-text = Message
compose-files = Pièces jointes
compose-files-hint = { $limit } au plus pour l’ensemble.
compose-attach = Joindre maintenant
compose-remove = Retirer
compose-originals = Pièces du message d’origine
compose-send = Envoyer
compose-later = Envoyer plus tard
compose-later-tomorrow = Demain à 8 h
compose-later-monday = Lundi à 8 h
compose-later-when = Autre date et heure
compose-later-zone = Fuseau horaire : { $zone }
compose-later-button = Programmer l’envoi
compose-later-missing = Indiquez la date et l’heure de l’envoi.
compose-later-past = Cette date est passée : { $date }.
compose-later-far = Un envoi peut être programmé jusqu’au { $date }.
compose-save = Enregistrer
compose-saved = Brouillon enregistré : { $date }
compose-saving = Enregistrement du brouillon…
compose-discard = Abandonner
compose-discard-question = Supprimer ce brouillon définitivement ?
compose-discard-yes = Supprimer le brouillon
compose-discard-no = Continuer à écrire
compose-nothing = Le message est vide : il n’y a rien à enregistrer ni à envoyer.
compose-lost = Ce brouillon a été modifié, envoyé ou supprimé ailleurs. Votre texte est gardé dans un brouillon à part ; vérifiez ses pièces jointes.
compose-not-saved = Le brouillon n’a pas pu être enregistré. { $reason }
compose-offline = Le brouillon n’a pas pu être enregistré : le serveur ne répond pas. Votre texte est encore sur cette page.
compose-nobody = Indiquez au moins un destinataire.
compose-not-an-address = Ce n’est pas une adresse complète : { $addresses }
compose-unknown = Cette adresse n’existe pas : { $addresses }
compose-outside = Ce service n’envoie pas de courriel en dehors de ses domaines : { $addresses }
compose-full = Cette boîte est pleine : { $addresses }
compose-on-hold = Votre mot de passe vient d’être remplacé : jusqu’au { $until }, vous pouvez écrire à cinquante destinataires par jour.
compose-too-many-hidden = Les destinataires en copie cachée sont trop nombreux pour un seul message. Répartissez-les sur plusieurs.
compose-too-many = Un message peut avoir { $max } destinataires au plus.
compose-control = Ce champ contient un retour à la ligne ou un caractère invisible. Saisissez-le de nouveau.
compose-not-own-address = Cette adresse n’est pas la vôtre.
compose-files-too-large = Les pièces jointes dépassent { $limit } au total. Les dernières n’ont pas été gardées.
compose-stale = La page datait d’une session précédente. Relisez, puis envoyez de nouveau.
compose-session-over = Votre session est terminée, mais votre texte est conservé ici. Reconnectez-vous dans un autre onglet, puis revenez et envoyez de nouveau. Les fichiers ajoutés depuis le dernier enregistrement seront à joindre de nouveau.
compose-log-in-again = Se reconnecter
quote-heading = Le { $date }, { $person } a écrit :
forward-heading = ---------- Message transféré ----------
forward-from = De : { $from }
forward-date = Date : { $date }
forward-to = À : { $to }
forward-subject = Objet : { $subject }

# Envois programmés
outbox-title = Envois programmés
outbox-empty = Aucun envoi n’est programmé.
outbox-edit = Reprendre en brouillon
outbox-send-now = Envoyer maintenant
outbox-now = Le message part maintenant.
outbox-taken-back = L’envoi est annulé : rien n’est parti. Le message est de nouveau un brouillon.
outbox-too-late = Trop tard : le message est déjà parti.

# Carnet d’adresses
contacts-title = Carnet d’adresses
contacts-tab = Contacts
contacts-search = Rechercher une personne, un groupe
contacts-search-hint = Nom ou groupe
contacts-count = { $count ->
    [one] 1 contact
   *[other] { $count } contacts
}
contacts-groups = Groupes
contacts-own = Contacts personnels
contacts-staff = Annuaire de l’académie
contacts-staff-hint = Cherchez un nom, une adresse ou le code d’un établissement pour trouver un collègue.
contacts-staff-none = Personne dans l’annuaire ne correspond à cette recherche.
contacts-staff-cut = Seules les premières personnes sont affichées. Ajoutez un mot pour préciser.
contacts-empty = Vous n’avez pas encore de contact personnel.
contacts-none-found = Aucun contact personnel ne correspond à cette recherche.
contacts-write = Écrire
contacts-write-hidden = En copie cachée
contacts-add = Ajouter aux contacts
contacts-before = ← Précédents
contacts-after = Suivants →
contacts-keep = Ne pas supprimer
contacts-members = { $count ->
    [one] 1 personne
   *[other] { $count } personnes
}
contacts-full = Le carnet d’adresses est plein. Supprimez des contacts ou des groupes.
contacts-suggestions = Suggestions
import-title = Importer ou exporter
import-file = Fichier de contacts
import-hint = Un fichier vCard (.vcf) ou CSV dont la première ligne nomme les colonnes, { $limit } au plus.
import-button = Importer
import-added = { $count ->
    [0] Aucun contact n’a été ajouté.
    [one] 1 contact a été ajouté.
   *[other] { $count } contacts ont été ajoutés.
}
import-known = { $count ->
    [one] 1 s’y trouvait déjà.
   *[other] { $count } s’y trouvaient déjà.
}
import-refused = { $count ->
    [one] 1 fiche ou ligne n’a pas été prise
   *[other] { $count } fiches ou lignes n’ont pas été prises
}
import-line = N° { $number } : { $reason }
import-line-of = N° { $number }, { $text } : { $reason }
import-version = seules les versions 3 et 4 de vCard sont lues.
import-address = une adresse n’est pas complète.
import-cut = la fiche n’a pas de fin.
import-too-many = la suite du fichier est trop longue et n’a pas été lue.
import-too-large = un champ est trop long, ou il y a trop d’adresses ou de numéros.
import-empty = ni nom ni adresse.
import-columns = la première ligne ne nomme aucune colonne connue (nom, adresses…).
import-groups-full = il n’y a plus de place pour ce groupe.
export-title = Exporter mon carnet d’adresses
export-vcard = vCard 3
export-vcard-4 = vCard 4
export-csv = CSV
contact-title = Contact
contact-title-new = Nouveau contact
contact-errors = Le contact n’est pas encore enregistré
contact-name = Nom
contact-organization = Établissement ou classe
contact-addresses = Adresses de courriel
contact-addresses-hint = Une adresse par ligne, par exemple celles des deux parents.
contact-phones = Téléphones
contact-phones-hint = Un numéro par ligne.
contact-notes = Notes
contact-saved = Le contact est enregistré.
contact-deleted = Le contact est supprimé.
contact-delete-question = Supprimer ce contact définitivement ?
contact-nothing = Indiquez un nom ou une adresse.
contact-too-long = C’est trop long : { $max } caractères au plus.
contact-too-many = { $max } au plus, une par ligne.
group-title = Groupe
group-title-new = Nouveau groupe
group-name = Nom du groupe
group-members = Membres
group-hint = Un message au groupe part à toutes les adresses de chacun.
group-no-contacts = Ajoutez d’abord des contacts : un groupe les réunit.
group-no-name = Donnez un nom au groupe.
group-saved = Le groupe est enregistré.
group-deleted = Le groupe est supprimé ; ses contacts restent.
group-delete-question = Supprimer ce groupe ? Ses contacts restent.

# Recherche
search-title = Recherche
search-title-of = Recherche : { $asked }
search-help = Les mots sont cherchés dans tous les dossiers. Pour préciser : de:martin, à:durand, objet:"conseil de classe".
search-results = Résultats pour « { $asked } »
search-nothing = Aucun message ne contient tous ces mots.
search-cut = Seuls les messages les plus récents sont affichés. Ajoutez un mot pour préciser.

# Erreurs
error-title = Cette page ne peut pas être affichée
error-home = Revenir à la messagerie
error-not-found = Cette page, ce dossier ou ce message n’existe pas ou n’existe plus.
error-stale = La demande ne vient pas d’une page de cette session. Revenez à la messagerie et recommencez.
error-logged-out = Votre session est terminée. Connectez-vous de nouveau.
error-bad-request = La demande n’a pas été comprise.
error-too-large = C’est trop volumineux.
error-too-slow = L’envoi a duré trop longtemps. Vérifiez la connexion et recommencez.
error-busy = Le service est très sollicité. Recommencez dans un instant.
error-permission = Vous n’avez pas le droit de faire cela.
error-leaving = Votre compte va être supprimé : il se lit, mais rien ne s’y change ni ne s’envoie plus.
error-quota = La boîte est pleine. Supprimez des messages, puis videz la corbeille.
error-internal = Un incident s’est produit. Recommencez ; s’il persiste, prévenez l’assistance.

# Dates et tailles
date-today = aujourd’hui
date-yesterday = hier
date-at = à
date-first-suffix = er
date-months-short = janv.|févr.|mars|avr.|mai|juin|juil.|août|sept.|oct.|nov.|déc.
date-months = janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre
date-weekdays = lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche
decimal-mark = ,
size-bytes = octets
size-kilobytes = Ko
size-megabytes = Mo

# Sécurité du compte
title-error = À corriger – { $title }
security-link = Sécurité du compte
security-title = Sécurité du compte
security-back = ← Sécurité du compte
security-open-title = Modifier ces réglages
security-open-hint = Pour que personne ne les change à votre place, saisissez votre mot de passe. Il vaut pour dix minutes.
security-own-password = Votre mot de passe
security-open = Déverrouiller
security-open-first = Saisissez d’abord votre mot de passe : les dix minutes sont passées.
security-wrong-password = Ce n’est pas votre mot de passe actuel.
security-too-many = Trop d’essais. Attendez quelques minutes.
security-on-hold = Votre mot de passe vient d’être remplacé : les moyens de secours ne changent pas avant { $until }.
security-password-title = Mot de passe
security-password-rules = Au moins 12 caractères. Une courte phrase convient très bien ; aucun caractère spécial n’est exigé. Vos autres sessions se ferment et vos logiciels de courriel doivent se reconnecter.
security-current = Mot de passe actuel
security-new = Nouveau mot de passe
security-again = Nouveau mot de passe, encore une fois
security-change = Changer le mot de passe
security-not-alike = Les deux saisies du nouveau mot de passe sont différentes.
security-password-refused = Ce mot de passe est trop court ou trop simple. Choisissez au moins 12 caractères, par exemple une courte phrase.
security-password-changed = Votre mot de passe est changé. Toutes les autres sessions sont fermées.
security-not-an-address = Ce n’est pas une adresse de courriel.
security-too-many-codes = Cinq codes ont déjà été envoyés aujourd’hui. Réessayez demain.
security-code-sent = Un code vient d’être envoyé à cette adresse. Saisissez-le dans les dix minutes.
security-code-wrong = Ce n’est pas le bon code.
security-code-gone = Ce code ne vaut plus. Retirez l’adresse puis ajoutez-la de nouveau pour en recevoir un autre.
security-recovery-refused = Cette adresse ne convient pas : indiquez une adresse personnelle, hors de la messagerie académique, qui n’est pas déjà dans la liste (trois au plus).
security-recovery-proven = L’adresse de secours est vérifiée.
security-recovery-removed = L’adresse de secours est retirée.
security-device-refused = Donnez un nom court à l’appareil. Un compte a vingt mots de passe d’application au plus.
security-device-removed = L’appareil n’a plus accès à votre messagerie.
security-factor-off = La double authentification est désactivée.
security-sessions-ended = Les sessions sont fermées.
factor-title = Double authentification
factor-off = Désactivée. Une application de votre téléphone donnera un code à chaque connexion : un mot de passe volé ne suffit plus.
factor-on = Activée depuis : { $since }.
factor-codes-left = { $count ->
    [0] Il ne vous reste aucun code de secours.
    [one] Il vous reste un code de secours.
   *[other] Il vous reste { $count } codes de secours.
}
factor-start = Activer
factor-stop = Désactiver
factor-renew = Créer de nouveaux codes de secours
factor-step-app = Ouvrez une application d’authentification sur votre téléphone (FreeOTP, Aegis, Google Authenticator…).
factor-step-scan = Ajoutez un compte et visez ce dessin.
factor-qr = Code QR à lire avec l’application d’authentification
factor-type = Vous ne pouvez pas le viser ? Saisissez cette clé dans l’application :
factor-step-code = Saisissez le code à six chiffres que l’application affiche.
factor-code = Code à six chiffres
factor-turn-on = Activer
devices-title = Mots de passe d’application
devices-hint = Un pour chaque téléphone ou logiciel de courriel. Si vous perdez l’appareil, retirez sa ligne : le reste continue. Avec la double authentification, les logiciels de courriel n’acceptent que ceux-là.
device-created = Créé : { $date }.
device-used = Dernière utilisation : { $date }.
device-unused = Jamais utilisé.
device-revoke = Retirer
device-name = Nom de l’appareil
device-name-example = Téléphone, Thunderbird au bureau…
device-add = Créer un mot de passe
device-own-password = mot de passe principal
device-revoked = appareil retiré
recovery-title = Adresses de secours
recovery-hint = Si vous perdez votre mot de passe, un code y sera envoyé. Indiquez une adresse personnelle que vous lisez.
recovery-proven = Vérifiée.
recovery-doubted = Vérifiée peu avant le remplacement de votre mot de passe : aucun code n’y est envoyé. Si elle est à vous, retirez-la puis ajoutez-la de nouveau.
recovery-unproven = À vérifier : saisissez le code reçu à cette adresse.
recovery-code = Code reçu
recovery-prove = Vérifier
recovery-remove = Retirer
recovery-address = Nouvelle adresse de secours
recovery-add = Envoyer un code
sessions-title = Sessions et appareils connectés
session-place = { $peer }, depuis : { $date }
session-this = Cette session
session-end = Fermer
sessions-end-others = Fermer toutes les autres sessions
connection-imap = Logiciel de courriel ({ $program })
connections-hint = Pour couper un logiciel de courriel, retirez son mot de passe d’application ou changez votre mot de passe.
browser-unknown = navigateur inconnu
logins-title = Derniers accès
logins-hint = Les accès réussis, à une heure près. Le numéro est l’adresse internet d’où vient l’accès.
login-by-webmail = Webmail
login-by-imap = Lecture par un logiciel ({ $program })
login-by-submission = Envoi par un logiciel ({ $program })
login-place = { $peer }, { $date }
alarm-question = Un accès que vous ne reconnaissez pas ?
alarm-link = Ce n’était pas moi
alarm-title = Ce n’était pas moi
alarm-text = Choisissez un nouveau mot de passe. Toutes les sessions sont fermées, tous les mots de passe d’application retirés : plus rien de ce qui ouvrait votre compte ne l’ouvre. Vos adresses de secours sont retirées elles aussi, et en sont averties ; si un responsable informatique vient de vous aider, elles restent trois jours. Ajoutez ensuite les vôtres de nouveau et prévenez votre responsable informatique.
alarm-button = Tout fermer et changer le mot de passe
alarm-done = C’est fait. Rien de ce qui ouvrait votre compte ne l’ouvre plus. Ajoutez maintenant vos adresses de secours de nouveau, et retirez celles qui ne sont pas à vous.
once-device-title = Mot de passe d’application
once-codes-title = Codes de secours
once-warning = cette page ne s’affichera plus. Notez ce qui suit avant de la quitter.
once-device = Dans « { $name } », saisissez ce mot de passe à la place du vôtre :
once-user = Utilisateur
once-imap = Réception (IMAP)
once-smtp = Envoi (SMTP)
once-codes = Chaque code remplace une seule fois l’application, par exemple si vous perdez votre téléphone. Imprimez-les et gardez-les en lieu sûr.
once-done = C’est noté
step-title = Vérification
step-code = Code de vérification
step-code-hint = Le code à six chiffres de votre application, ou un code de secours.
step-button = Vérifier
step-wrong = Ce n’est pas le bon code. Attendez le suivant et saisissez-le sans tarder.
step-too-many = Trop d’essais. Attendez quelques minutes, ou saisissez un code de secours. Après vingt essais dans une journée, il faut un code de secours ou attendre le lendemain.
step-back = Revenir à la connexion

# Lettres au sujet du compte
letter-hello = Bonjour,
letter-end = Cela s’est passé { $date }, depuis l’adresse internet { $peer }.

    Si ce n’était pas vous : connectez-vous sur { $site }, ouvrez « Sécurité du compte » puis « Ce n’était pas moi », et prévenez votre responsable informatique. Personne ne vous demandera jamais votre mot de passe ni un code.
letter-end-console = Cela s’est passé { $date }, depuis le service informatique.

    Si vous n’en savez rien, prévenez votre responsable informatique. Personne ne vous demandera jamais votre mot de passe ni un code.
letter-recovery-code-subject = { $product } : votre code pour vérifier cette adresse
letter-recovery-code = Cette adresse a été indiquée comme adresse de secours du compte { $account }.

    Code : { $code }

    Il vaut dix minutes. Saisissez-le sur la page d’où vous l’avez demandé.
letter-reset-code-subject = { $product } : votre code pour un nouveau mot de passe
letter-reset-code = Un nouveau mot de passe a été demandé pour le compte { $account }.

    Code : { $code }

    Il vaut dix minutes, dans le navigateur d’où il a été demandé. Ne le donnez à personne.
letter-password-changed-subject = { $product } : mot de passe changé
letter-password-changed = Le mot de passe du compte { $account } a été changé.
letter-password-reset-subject = { $product } : mot de passe remplacé
letter-password-reset = Le mot de passe du compte { $account } a été remplacé après avoir été déclaré perdu. Toutes les sessions et tous les mots de passe d’application sont fermés.
letter-recovery-changed-subject = { $product } : adresses de secours modifiées
letter-recovery-changed = Les adresses de secours du compte { $account } ont changé : { $about }.
letter-factor-on-subject = { $product } : double authentification activée
letter-factor-on = La double authentification du compte { $account } est activée.
letter-factor-off-subject = { $product } : double authentification désactivée
letter-factor-off = La double authentification du compte { $account } est désactivée.
letter-factor-code-subject = { $product } : code de secours utilisé
letter-factor-code = Un code de secours a remplacé la double authentification pour le compte { $account }.
letter-app-password-subject = { $product } : nouveau mot de passe d’application
letter-app-password = Un mot de passe d’application a été créé pour le compte { $account } : { $about }.
letter-reset-asked-subject = { $product } : nouveau mot de passe demandé
letter-reset-asked = Un nouveau mot de passe a été demandé pour le compte { $account }. Votre responsable informatique vérifiera l’identité de la personne avant de donner suite.

# Mot de passe oublié
forgotten-link = Mot de passe oublié
forgotten-title = Mot de passe oublié
forgotten-name = Prénom et nom
forgotten-id = Numéro d’identification
forgotten-id-hint = Il figure sur votre feuille. Vous l’avez perdu ? Demandez-le au responsable informatique de votre établissement.
forgotten-born = Date de naissance (facultative)
forgotten-born-hint = Jour, mois, année : par exemple 21 3 1985.
forgotten-day = Jour
forgotten-month = Mois
forgotten-year = Année
forgotten-date = Cette date de naissance n’existe pas : indiquez le jour, le mois et l’année en chiffres, ou laissez les trois cases vides.
forgotten-without = Continuer sans code
forgotten-without-hint = Dans certains établissements, l’identité suffit : remplissez le formulaire avec votre date de naissance depuis l’établissement, revenez le remplir un jour plus tard, puis continuez sans code.
forgotten-not-yet = Sans code, ce n’est pas possible, ou pas encore. Adressez-vous au responsable informatique de votre établissement.
forgotten-next = Continuer
forgotten-missing = Saisissez votre nom et votre numéro d’identification.
forgotten-stale = La page était ouverte depuis trop longtemps. Vérifiez et continuez.
forgotten-told = Si ces informations correspondent à un compte, la suite vous a été indiquée : un code est parti vers l’adresse de secours du compte ou, s’il n’y en a pas, adressez-vous au responsable informatique de votre établissement.
forgotten-code = Code reçu
forgotten-code-refused = Ce code ne convient pas, ou ne vaut plus. Il vaut dix minutes, dans ce navigateur, pour cinq essais.
forgotten-new-title = Nouveau mot de passe
forgotten-over = Le délai est passé, ou le code n’a pas été saisi. Recommencez depuis le début.
forgotten-done = Votre mot de passe est remplacé. Connectez-vous avec le nouveau.

# Assistance
desk-link = Assistance
desk-title = Assistance
desk-unit = Les personnes de votre établissement : { $unit }.
desk-everybody = Les personnes de tous les établissements.
desk-waiting = Demandes de mot de passe
desk-nobody-waits = Personne n’attend.
desk-asked = Demande reçue : { $date }
desk-open = Ouvrir
desk-find = Trouver une personne
desk-name = Nom, prénom ou numéro d’identification
desk-found-nobody = Personne de ce nom dans votre établissement.
desk-found-nobody-anywhere = Personne de ce nom.
desk-id-unknown = Personne, parmi ceux que vous aidez, n’a ce numéro d’identification.
desk-factor-first = Cette page demande la double authentification. Activez-la d’abord dans « Sécurité du compte ».
desk-person = Compte
desk-address = Adresse
desk-state = État
desk-state-first = En attente de première connexion
desk-state-active = En service
desk-state-other = Fermé
desk-by-webmail = Dernier accès, webmail
desk-by-imap = Dernier accès, lecture
desk-by-submission = Dernier accès, envoi
desk-help = Mot de passe perdu
desk-check = Vérifiez d’abord qui vous parle : en personne, ou en rappelant le numéro du dossier administratif. Vous ne verrez ni ne choisirez le mot de passe.
desk-reason = Comment avez-vous vérifié l’identité ?
desk-reason-example = Vu en personne, carte professionnelle
stop-title = Demande de nouveau mot de passe
stop-text = Un nouveau mot de passe a été demandé pour votre compte. Si ce n’était pas vous, arrêtez la demande : votre mot de passe reste celui que vous connaissez.
stop-button = Arrêter la demande
stop-done = La demande est arrêtée ; votre mot de passe n’a pas changé. Prévenez votre responsable informatique si vous n’en savez rien.
stop-nothing = Ce lien n’arrête plus rien : la demande a déjà pris fin, ou une autre l’a remplacée.
desk-reason-missing = Indiquez comment vous avez vérifié l’identité, ou pourquoi vous refusez.
desk-issue = Remettre un code d’activation
desk-refuse = Refuser la demande
desk-unlock = Débloquer
desk-unlocked = C’est débloqué : les codes envoyés à l’adresse de secours valent de nouveau, et l’ancien courriel est ouvert.
desk-identity = L’identité seule suffira à choisir un nouveau mot de passe à partir de : { $date }. Refusez la demande si elle ne vient pas de cette personne.
desk-refused = La demande est refusée ; la personne en est avertie.
desk-takes-two = Le code d’un responsable informatique ou d’un administrateur demande l’accord de deux administrateurs, en un jour.
desk-agreed = Votre accord est noté pour un jour. Un autre administrateur remettra le code.
desk-agreed-yourself = Vous avez donné votre accord. Un autre administrateur doit remettre le code.
desk-agreed-by = { $name } a donné son accord : le vôtre donne le code.
desk-code = Remettez ce code à { $name }. Il vaut un jour et une seule fois : sur { $site }, « Mot de passe oublié », nom et numéro d’identification, puis ce code.
letter-reset-approved-subject = { $product } : code d’activation remis
letter-reset-approved = Un code d’activation pour choisir un nouveau mot de passe du compte { $account } a été remis par { $about }.
letter-identity-begun-subject = { $product } : votre mot de passe sera remplacé dans un jour
letter-identity-begun = Un nouveau mot de passe a été demandé pour le compte { $account }, avec votre nom, votre numéro et votre date de naissance. Il pourra être choisi dans vingt-quatre heures ; d’ici là, l’ancien reste valable.

    Si ce n’était pas vous, arrêtez la demande : connectez-vous, ou ouvrez ce lien et confirmez.

    { $site }/mot-de-passe-oublie/annuler?lien={ $link }
letter-officer-asked-subject = { $product } : demande de mot de passe de { $about }
letter-officer-asked = { $about } ({ $account }) a perdu son mot de passe et attend votre aide. Vérifiez son identité, puis ouvrez « Assistance » sur { $site }.
letter-officer-identity-subject = { $product } : mot de passe de { $about } bientôt remplacé
letter-officer-identity = Un nouveau mot de passe a été demandé pour { $about } ({ $account }) avec le nom, le numéro et la date de naissance. Il pourra être choisi dans vingt-quatre heures.

    Si cette demande vous paraît suspecte, refusez-la dans « Assistance » sur { $site }.
letter-officer-reset-subject = { $product } : mot de passe de { $about } remplacé
letter-officer-reset = Le mot de passe de { $about } ({ $account }) a été remplacé après avoir été déclaré perdu. Pendant trois jours, l’envoi est limité et les adresses de secours ne peuvent pas changer. Si la personne n’en sait rien, prévenez le service informatique sans attendre.
letter-identity-closed-subject = { $product } : réinitialisation par identité fermée partout
letter-identity-closed = Trop de dates de naissance fausses ont été essayées. La réinitialisation par le nom, le numéro et la date de naissance est fermée pour tous les établissements, jusqu’à ce qu’un administrateur la rouvre. Consultez d’abord le journal d’audit.
letter-factors-wrong-subject = { $product } : beaucoup de codes de vérification faux
letter-factors-wrong = Vingt codes de vérification faux ont été saisis aujourd’hui pour le compte { $account }, chaque fois après le bon mot de passe. D’ici à demain, seuls vos codes de secours sont acceptés.

    Si ce n’était pas vous, quelqu’un connaît votre mot de passe : changez-le.
letter-it-department = le service informatique
letter-end-helper = Cela s’est passé { $date }. Personne ne vous demandera jamais votre mot de passe ni un code.
letter-reset-refused-subject = { $product } : demande de mot de passe refusée
letter-reset-refused = La demande d’un nouveau mot de passe pour le compte { $account } a été refusée.

# Identifiant perdu
lost-id-link = Identifiant perdu
lost-id-title = Identifiant perdu
lost-id-text = Le responsable informatique de votre établissement peut vous lire votre numéro d’identification, après avoir vérifié qui vous êtes.
lost-id-school = Nom ou code de votre établissement
lost-id-find = Trouver le responsable
lost-id-nothing = Aucun établissement de ce nom.
lost-id-no-contact = Adressez-vous au secrétariat de l’établissement.
lost-id-cut = Seuls les premiers établissements sont affichés. Précisez le nom.
