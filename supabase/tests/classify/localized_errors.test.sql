-- Texts in other languages than English are classified by the words of their catalogues, as English ones are.

begin;

select plan(106);

select
  is(
    format('%s %s', answer.severity, answer.category),
    sample.wanted,
    format('%s, level %s: %s', sample.language, coalesce(sample.level, 'null'), sample.message)
  )
from (
  values
  -- PostgreSQL, its drivers and SQL Server: a database that is away.
  ('de', 'FATAL:  das Datenbanksystem startet', 'server', 'error', 'CRITICAL database'),
  ('de', 'Server beendete die Verbindung unerwartet', 'server', null, 'CRITICAL database'),
  ('de', 'Datenbankserver antwortet nicht', 'server', 'error', 'CRITICAL database'),
  (
    'de',
    'Das Zeitlimit ist vor dem Anfordern einer Verbindung aus dem Pool abgelaufen.',
    'server', 'error', 'CRITICAL database'
  ),
  ('fr', 'FATAL:  trop de connexions pour le rôle « atelier »', 'server', 'error', 'CRITICAL database'),
  ('fr', 'FATAL:  le système de base de données s''arrête', 'server', null, 'CRITICAL database'),
  ('fr', 'impossible de se connecter à la base de données', 'server', 'error', 'CRITICAL database'),
  ('es', 'FATAL:  ya tenemos demasiados clientes', 'server', 'error', 'CRITICAL database'),
  ('es', 'No se puede conectar con la base de datos', 'server', 'error', 'CRITICAL database'),
  (
    'es',
    'FATAL:  terminando la conexión debido a una orden del administrador',
    'server', 'error', 'CRITICAL database'
  ),
  ('pt', 'FATAL:  muitas conexões para banco de dados "oficina"', 'server', 'error', 'CRITICAL database'),
  ('pt', 'Falha na conexão com o banco de dados: conexão recusada', 'server', 'error', 'CRITICAL database'),
  ('it', 'FATALE:  il database si sta avviando', 'server', 'error', 'CRITICAL database'),
  ('pl', 'FATAL:  system bazy danych uruchamia się', 'server', 'error', 'CRITICAL database'),
  ('ru', 'ВАЖНО:  СЛИШКОМ МНОГО ПОДКЛЮЧЕНИЙ для роли "sklad"', 'server', 'error', 'CRITICAL database'),
  ('zh', '数据库连接失败：连接超时', 'server', 'error', 'CRITICAL database'),
  ('zh', '致命错误:  数据库系统启动中', 'server', 'error', 'CRITICAL database'),
  ('zh-TW', '無法連線到資料庫', 'server', 'error', 'CRITICAL database'),
  ('ja', 'データベースに接続できません', 'server', 'error', 'CRITICAL database'),
  ('ja', 'FATAL:  データベースシステムはリカバリモードです', 'server', 'error', 'CRITICAL database'),
  ('ko', '데이터베이스에 연결할 수 없습니다', 'server', 'error', 'CRITICAL database'),
  -- The service that authenticates is away; a rejected user, also where libpq names the connection first.
  ('de', 'Anmeldedienst nicht verfügbar', 'server', 'error', 'CRITICAL security'),
  ('fr', 'Le serveur d’authentification est injoignable', 'server', 'error', 'CRITICAL security'),
  ('zh', '身份验证服务不可用', 'server', 'error', 'CRITICAL security'),
  ('ja', '認証サービスに接続できません', 'server', 'error', 'CRITICAL security'),
  ('de', 'FATAL:  Peer-Authentifizierung für Benutzer »lager« fehlgeschlagen', 'server', 'error', 'HIGH security'),
  (
    'de',
    'Verbindung zum Server auf »db« fehlgeschlagen: FATAL:  Passwort-Authentifizierung für Benutzer »a« fehlgeschlagen',
    'server', 'error', 'HIGH security'
  ),
  ('fr', 'Échec de l''ouverture de session de l''utilisateur ''sa''.', 'server', 'error', 'HIGH security'),
  ('es', 'Error de inicio de sesión del usuario ''sa''.', 'server', 'error', 'HIGH security'),
  ('pt', 'autenticação do tipo senha falhou para o usuário "oficina"', 'server', null, 'MEDIUM security'),
  ('zh', '用户 ''sa'' 登录失败。', 'server', 'error', 'HIGH security'),
  ('ja', 'パスワード認証に失敗しました', 'server', 'warning', 'LOW security'),
  ('ko', '사용자의 password 인증을 실패했습니다', 'server', 'error', 'HIGH security'),
  -- Origins, gateways and services.
  (
    'de',
    'Quellübergreifende (Cross-Origin) Anfrage blockiert: CORS-Kopfzeile fehlt',
    'browser', 'error', 'CRITICAL frontend'
  ),
  ('es', 'Solicitud desde otro origen bloqueada: falta la cabecera CORS', 'browser', 'error', 'CRITICAL frontend'),
  ('zh', '已拦截跨源请求：同源策略禁止读取远程资源', 'browser', 'error', 'CRITICAL frontend'),
  ('fr', 'Service temporairement indisponible', 'server', 'error', 'CRITICAL backend'),
  ('pt', 'Serviço temporariamente indisponível', 'server', 'error', 'CRITICAL backend'),
  ('zh', '服务器错误：服务不可用', 'server', 'error', 'CRITICAL backend'),
  ('ja', 'サービスを利用できません', 'server', 'error', 'CRITICAL backend'),
  -- Payments.
  ('de', 'Ihre Karte wurde abgelehnt.', 'server', 'error', 'HIGH backend'),
  ('fr', 'Le paiement a été refusé par la banque', 'server', null, 'HIGH backend'),
  ('es', 'El pago fue rechazado por el banco emisor', 'server', 'error', 'HIGH backend'),
  ('pt', 'O cartão do cliente foi recusado', 'server', 'warning', 'HIGH backend'),
  ('zh', '支付失败：余额不足', 'server', 'error', 'HIGH backend'),
  ('ja', '決済に失敗しました', 'server', 'error', 'HIGH backend'),
  -- Networks, names of hosts and timeouts.
  ('de', 'Der Server hat die Verbindung geschlossen', 'server', 'warning', 'HIGH infrastructure'),
  ('de', 'Der Name des Lagers konnte nicht aufgelöst werden', 'server', 'error', 'HIGH infrastructure'),
  ('de', 'Zeitüberschreitung beim Aufruf des Lagerdienstes', 'server', 'error', 'HIGH infrastructure'),
  ('fr', 'La connexion Internet semble interrompue.', 'server', 'error', 'HIGH infrastructure'),
  ('fr', 'Délai d''attente dépassé pour le service de stock', 'server', 'error', 'HIGH infrastructure'),
  ('es', 'Parece que la conexión a Internet está desactivada.', 'server', 'error', 'HIGH infrastructure'),
  ('es', 'Se ha agotado el tiempo de espera de la solicitud', 'server', null, 'HIGH infrastructure'),
  ('pt', 'Não foi possível conectar ao servidor.', 'server', 'error', 'HIGH infrastructure'),
  ('pt', 'Tempo limite esgotado ao chamar o serviço de estoque', 'server', 'error', 'HIGH infrastructure'),
  ('it', 'Connessione rifiutata dal magazzino', 'server', 'error', 'HIGH infrastructure'),
  ('pl', 'Połączenie odrzucone', 'server', 'error', 'HIGH infrastructure'),
  ('ru', 'Время ожидания истекло', 'server', 'error', 'HIGH infrastructure'),
  ('zh', '未能连接到服务器。', 'server', 'error', 'HIGH infrastructure'),
  ('zh', '调用库存服务超时', 'server', 'error', 'HIGH infrastructure'),
  ('zh-TW', '要求已經中止: 作業逾時。', 'server', 'error', 'HIGH infrastructure'),
  ('ja', '在庫サービスへのリクエストがタイムアウトしました', 'server', 'error', 'HIGH infrastructure'),
  ('ja', 'サーバに接続できませんでした。', 'server', 'error', 'HIGH infrastructure'),
  ('ko', '서버와의 연결이 거부되었습니다', 'server', 'error', 'HIGH infrastructure'),
  ('de', 'Interner Serverfehler', 'server', 'warning', 'HIGH backend'),
  ('zh', '服务器内部错误', 'server', 'warning', 'HIGH backend'),
  -- MEDIUM and LOW.
  ('fr', 'Trop de demandes, réessayez plus tard', 'server', 'warning', 'MEDIUM backend'),
  ('ja', 'リクエストが多すぎます', 'server', 'warning', 'MEDIUM backend'),
  ('es', 'Esta función está obsoleta', 'server', 'warning', 'MEDIUM backend'),
  ('zh', '该方法已弃用', 'server', 'warning', 'MEDIUM backend'),
  ('de', 'Langsame Abfrage: 2150 ms', 'server', 'warning', 'MEDIUM backend'),
  ('de', '404 Seite nicht gefunden', 'server', 'error', 'LOW backend'),
  ('fr', 'La connexion à la base de données a été rétablie', 'server', null, 'LOW database'),
  ('zh', '数据库连接已恢复正常', 'server', 'error', 'LOW database'),
  ('ja', 'データベース接続が復旧しました', 'server', null, 'LOW database'),
  ('de', 'Sicherung erfolgreich abgeschlossen', 'server', null, 'LOW backend'),
  -- The level decides: statements that were cancelled, constraints, permissions.
  (
    'fr',
    'ERREUR:  annulation de la requête à cause du délai écoulé pour l''exécution de l''instruction',
    'server', 'error', 'HIGH database'
  ),
  ('zh', '错误:  由于锁超时，正在取消查询命令', 'server', null, 'MEDIUM database'),
  ('de', 'FEHLER:  Operator existiert nicht: integer = text', 'server', 'error', 'HIGH database'),
  ('fr', 'ERREUR:  la colonne « prix » n''existe pas', 'server', 'error', 'HIGH database'),
  ('es', 'ERROR:  error de sintaxis en o cerca de «FROM»', 'server', 'warning', 'LOW database'),
  ('pt', 'ERRO:  permissão negada para tabela oficina', 'server', 'error', 'HIGH database'),
  ('zh', '错误:  在字段 "name" 中空值违反了非空约束', 'server', 'error', 'HIGH database'),
  ('ja', 'ERROR:  列"price"は存在しません', 'server', 'error', 'HIGH database'),
  ('ru', 'ОШИБКА:  обнаружена взаимоблокировка', 'server', 'error', 'HIGH database'),
  ('de', 'Zugriff verweigert', 'server', 'error', 'HIGH security'),
  ('es', 'Acceso denegado', 'server', 'error', 'HIGH security'),
  ('ja', '権限がありません', 'server', 'error', 'HIGH security'),
  ('fr', 'Aucun espace disponible sur le périphérique', 'server', 'error', 'HIGH infrastructure'),
  ('zh', '内存不足', 'server', 'error', 'HIGH infrastructure'),
  ('de', 'Ungültiger Objektname ''dbo.Regal''.', 'server', 'error', 'HIGH database'),
  ('pt', 'FATAL:  role "oficina" não existe', 'server', 'fatal', 'CRITICAL database'),
  ('zh', '致命错误:  角色 "sklad" 不存在', 'server', 'error', 'HIGH database'),
  ('es', 'El servidor no respondió a tiempo', 'server', 'error', 'HIGH infrastructure'),
  ('ja', 'サーバーが応答しません', 'server', 'error', 'HIGH infrastructure'),
  -- Traps: names, paths, settings and texts that report the opposite.
  ('de', 'FEHLER:  Relation »zeitüberschreitung« existiert nicht', 'server', null, 'MEDIUM database'),
  ('zh', '错误:  字段 "连接超时" 不存在', 'server', null, 'MEDIUM database'),
  ('ja', 'ERROR:  リレーション"接続タイムアウト"は存在しません', 'server', 'warning', 'LOW database'),
  ('zh', '读取文件 D:\数据库\超时.cs 时出错', 'server', 'error', 'HIGH backend'),
  ('de', 'FEHLER:  Spalte »verbindung_verloren« existiert nicht', 'server', 'warning', 'LOW database'),
  ('de', 'Verbindung zur Datenbank verloren, nächster Versuch in 5 s', 'server', 'info', 'LOW database'),
  ('de', 'Die Verbindung konnte nicht wiederhergestellt werden', 'server', 'error', 'HIGH infrastructure'),
  ('es', 'El archivo no existe', 'server', 'error', 'HIGH backend'),
  ('zh', '文件不存在', 'server', 'error', 'HIGH backend'),
  ('fr', 'Le champ email est obligatoire', 'server', 'error', 'HIGH backend'),
  ('de', 'smtpd: zu viele Verbindungen von 192.0.2.7', 'server', 'warning', 'LOW infrastructure')
) as sample (language, message, source, level, wanted)
cross join lateral public.classify_error(
  sample.message, source => sample.source, level => sample.level
) as answer;

select * from finish();

rollback;
