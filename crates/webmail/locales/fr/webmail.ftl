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
list-all = Tout cocher
list-tick = Cocher : { $subject }, { $person }
list-unread = Non lu :
list-to = À :
list-nobody = (sans nom)
list-flagged = Suivi
list-attachment = Pièce jointe
list-answered = Répondu
list-forwarded = Transféré
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
compose-later-zone = À l’heure de { $zone }.
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
