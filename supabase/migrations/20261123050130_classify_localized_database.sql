-- Purpose: the built-in rules for texts in other languages than English about databases that cannot be reached.
-- Objects: functions monitoring.list_localized_connection_rules, monitoring.list_localized_database_rules.
-- Risks: see classify_success_rules for the priorities, and classify_localized_rules for the phrases.

create function monitoring.list_localized_connection_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_database_connection',
    priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => 'zu viele verbindungen | vieler verbindungsfehler | verbleibenden verbindungen | verbindung aus dem '
      'pool | maximale poolgröße | datenbanksystem (startet | fährt | nimmt keine | ist im) | beendete die '
      'verbindung | daten (vom server | an den server) | verbindung (mit dem server | zu sql) | verbindung zum '
      'server (auf | wurde verloren) | absturz eines anderen | anweisung des administrators | korrektheit von '
      'hostnamen | instanzspezifischer | mit sql server | auf übertragungsebene | keinen neuen thread | server wird '
      'heruntergefahren | socket für den server | handshake vor der | kein listener | oracle nicht verfügbar'
      '| trop de (clients | connexions) | connexions restants | grand nombre d erreur* | connexion du pool | données '
      '(se lance | s arrête) | commande de l administrateur | demande de l administrateur | arrêt brutal | accepte '
      'pas de connexions | en cours de restauration | coupée de façon | données (depuis le serveur | au serveur)'
      '| aucune connexion au serveur | connexion au serveur (sur | a été) | postmaster accepte | spécifique à l '
      'instance | connexion à sql server | niveau transport | d un socket | préalable à l ouverture | pas d écouteur'
      '| processus d écoute | oracle non disponible | nouvelle tâche',
    unless => 'smtp | smtpd | imap | ftp | sshd | postfix',
    example => 'FATAL:  tut mir leid, schon zu viele Verbindungen',
    counterexample => 'smtpd: zu viele Verbindungen von 192.0.2.7'
  );
  return next monitoring.define_rule(
    name => 'localized_database_connection_lost',
    priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => 'demasiados clientes | demasiadas conexiones | conexiones restantes | debido a muchos | conexión del '
      'grupo | datos está (iniciándose | apagándose) | aceptando conexiones | modo de recuperación | conexión '
      'inesperadamente | terminó de manera | datos (del servidor | al servidor) | conexión (con el servidor | al '
      'servidor en) | perdido la conexión al | otro proceso servidor | postmaster este | orden del administrador'
      '| específico de la instancia | conexión con sql | nivel (de transporte | del transporte) | socket para el '
      'servidor | ningún listener | canal de comunicación | oracle no está | nuevo hilo'
      '| muitos clientes | excesso de conexões | muitas conexões | conexão (remanescentes | do pool) | tamanho '
      'máximo do pool | dados está (iniciando | desligando | em modo) | fechou a conexão | terminou de forma | dados '
      '(do servidor | ao servidor) | pôde conectar ao servidor | outro processo | postmaster está | comando do '
      'administrador | específico à instância | com o sql server | nível (de transporte | no transporte) | soquete '
      'para o servidor | serviço de escuta | há listener'
      '| troppi client | troppe connessioni | slot di connessione | connessione dal pool | database si sta | accetta '
      'connessioni | modalità di ripristino | connessione inaspettatamente | comando dell amministratore | specifico '
      'dell istanza | nessun listener'
      '| zbyt wiele (połączeń | klientów) | gniazda połączeń | bazy danych (uruchamia | jest zamykany) | zamknął '
      'połączenie | polecenia administratora | postmaster przyjmuje'
      '| слишком много (клиентов | соединений | подключений) | слоты подключений | из пула | данных (запускается'
      '| останавливается | в режиме) | команде администратора | неожиданно закрыл | postmaster принимает'
      '| определенным экземпляром | сервер действительно | прослушивателя',
    unless => 'smtp | smtpd | imap | ftp | sshd | postfix',
    example => 'el servidor ha cerrado la conexión inesperadamente',
    counterexample => 'smtpd: demasiadas conexiones desde 192.0.2.7'
  );
  return next monitoring.define_rule(
    name => 'localized_database_connection_china',
    priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => '许多连接错误 | 服务器的套接字 | 登录前的握手 | 太多 (的客户 | 连接 | 連線) | 连接太多 | 保留的连接'
      '| 池中获取 | 最大池 | 集區 (連接 | 大小) | 系统 (启动中 | 停止中 | 在恢复) | 意外地 (关闭 | 中斷)'
      '| 从服务器接收 | 向服务器发 | 到服务器的 | 连线到伺 | 連線到伺 | 与服务器的 | 与数据库的 | 管理员命令'
      '| 上的服务器 | 连线已 | 連線已 | 埠号 | 埠號 | 特定于实例 | 個體特定 | sql server (的连接 | 連線) | 传输级'
      '| 傳輸層級 | 监听程序 | 创建新线程 | 服务器正在关闭 | 其它服务器进程',
    unless => 'smtp | smtpd | imap | ftp | sshd | postfix',
    example => '致命错误:  对不起, 已经有太多的客户',
    counterexample => 'smtpd: 太多连接'
  );
  return next monitoring.define_rule(
    name => 'localized_database_connection_japan',
    priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => 'クライアント数が | ログイン前の | 接続 (エラーが多 | が多す | スロット) | プール (から | された'
      '| サイズ) | システムは (起動 | シャットダウンして | リカバリ) | 接続を受け付け | 想定外 | サーバー (からデータ'
      '| にデータ | への接続 (がありま | が失 | に失)) | 管理者コマンド | 番号が正し | インスタンス固有 | sql server '
      'への | リスナー | 通信チャネル | 新規にスレッド | トランスポート | シャットダウン中'
      '| 동시 접속* | 너무 많은 연결* | 접속수를 초과* | 슈퍼유저 연결* | 최대 풀 | 시스템이 (새로 | 중지) | 자동 '
      '복구 | 갑자기 연결을 | 관리자 요청* | 서버 접속 할 | 인스턴스 관련 | 리스너가',
    unless => 'smtp | smtpd | imap | ftp | sshd | postfix',
    example => 'FATAL:  データベースシステムは起動処理中です',
    counterexample => 'smtpd: クライアント数が多い'
  );
end
$$;

comment on function monitoring.list_localized_connection_rules() is
'Returns the built-in rules for texts of databases in other languages that accept or keep no connection.';

create function monitoring.list_localized_database_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_database_unreachable',
    priority => 2110, severity => 'CRITICAL', category => 'database',
    matches => 'datenbankverbindung & (nicht | fehlgeschlagen | verloren | unterbrochen) | (datenbank'
      '| datenbankserver | base de données | base de datos | banco de dados | база данных | базой данных | database'
      '| psql* | postgres* | pg | psycopg* | mysql* | sql | redis* | mongo* | port (5432 | 3306 | 1433 | 6379 | 27017)'
      '| porta (5432 | 3306 | 1433) | puerto (5432 | 3306 | 1433) | порт (5432 | 3306 | 1433)) & ((verbindung* | verbinden | connexion | connecter | conexión | conectar* | conexão'
      '| connessione | connettersi | połączeni* | соединени* | подключ*) & (verweiger* | abgelehnt | fehlgeschlagen'
      '| schlug | verloren | unterbrochen | geschlossen | nicht | refusée | perdue | fermée | échoué | échec'
      '| impossible | fehler | rehusada | rechazada | perdid* | falló | fallado | error | no | recusada | negada'
      '| falhou | falha | erro | não | rifiutata | persa | impossibile | fallit* | scaduto | odrzucone | nie'
      '| отказано | отклонено | не) | nicht (erreichbar | verfügbar) | antwortet nicht | injoignable | inaccessible'
      '| indisponible | ne répond | no (disponible | está disponible | responde) | inaccesible | indisponível'
      '| inacessível | não responde | irraggiungibile | недоступн*)',
    unless => 'violates | verletzt | passwort | berechtigung* | droit | permiso | permissão | existiert nicht | n '
      'existe pas | no existe | não existe | не существует',
    example => 'Die Datenbank ist nicht erreichbar: Verbindungsaufbau abgelehnt',
    counterexample => 'Der Drucker ist nicht erreichbar'
  );
  return next monitoring.define_rule(
    name => 'localized_database_unreachable_asia',
    priority => 2110, severity => 'CRITICAL', category => 'database',
    matches => '(数据库 | 資料庫 | データベース | 데이터베이스* | psql* | postgres* | psycopg* | mysql* | sql'
      '| redis* | mongo* | port 5432 | port 3306 | port 1433 | port 6379 | port 27017 | 端口 5432 | 端口 3306 | ポート 5432)'
      '& (连接 | 联接 | 连线 | 連線 | 連接'
      '| 接続 | 연결* | 접속*) & (拒 | 失败 | 超时 | 断开 | 丢失 | 中断 | 无法 | 未能 | 失敗 | 逾時 | 無法 | ません'
      '| 切断 | エラー | 없* | 실패* | 거부* | 끊*)',
    unless => '不存在 | 存在しません | にはありません | 违反 | 権限 | 权限',
    example => '无法连接到数据库',
    counterexample => '无法连接到打印机'
  );
end
$$;

comment on function monitoring.list_localized_database_rules() is
'Returns the built-in rules for other texts in other languages that name a database which cannot be reached.';
