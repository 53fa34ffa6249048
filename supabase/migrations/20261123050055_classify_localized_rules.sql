-- Purpose: the built-in rules for texts in other languages than English, where no code tells what happened: German, French,
--   Spanish, Portuguese, Italian, Polish, Russian, Chinese, Japanese and Korean.
-- Objects: functions monitoring.list_localized_no_failure_rules, monitoring.list_localized_security_rules,
--   monitoring.list_localized_statement_rules, monitoring.list_localized_database_rules,
--   monitoring.list_localized_critical_rules, monitoring.list_localized_network_rules,
--   monitoring.list_localized_timeout_rules, monitoring.list_localized_lower_rules,
--   monitoring.list_localized_topics.
-- Risks: see classify_critical_rules for the priorities. The phrases come from the message catalogues of PostgreSQL, MySQL,
--   Oracle, Windows, .NET, Java, the C library and browsers. Chinese and Japanese phrases are found within sentences;
--   Korean words carry endings, so that most end with *. Words of a quoted name count too, so a phrase should be one that
--   nobody takes for a name.

create function monitoring.list_localized_no_failure_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_recovered', priority => 1000, severity => 'LOW',
    matches => 'wiederhergestellt | reset erfolgreich | bereit um verbindungen | wieder (erreichbar | verfügbar) | '
      'rétablie | rétabli | prêt pour accepter | réinitialisation succès | à nouveau (disponible | accessible) | '
      'restablecida | restablecido | listo para aceptar | reiniciar con éxito | nuevamente disponible | restabelecid* '
      '| restaurada | pronto para aceitar | ripristinat* | pronto ad accettare | gotowy do przyjmowania | '
      'восстановлен* | готова принимать | 已恢复 | 恢复正常 | 接成功 | 试成功 | 准备接受 | 重置 完成 | 已恢復 | 恢復正常 | 復旧しました | 回復しました | 再接続 '
      '| 準備が整 | セットしています 成功 | 연결이 (복구* | 복원*) | 서버로 접속할 수 있*',
    unless => 'nicht | n a pas | pas été | impossible | por la | por el | por la | por interlocutor | se ha | no se | '
      'não foi | não pôde | non è | не удалось | 未恢复 | 无法 | 無法 | できません | 失败',
    example => 'Verbindung zur Datenbank nach 4 Versuchen wiederhergestellt',
    counterexample => 'Die Verbindung konnte nicht wiederhergestellt werden'
  );
  return next monitoring.define_rule(
    name => 'localized_no_failure', priority => 1010, severity => 'LOW',
    matches => 'ohne fehler | keine fehler | 0 fehler | erfolgreich | sans erreur | aucune erreur | 0 erreurs | avec '
      'succès | réussie | sin errores | 0 errores | con éxito | correctamente | sem erros | 0 erros | com sucesso | '
      'senza errori | con successo | без ошибок | успешно | 没有错误 | 无错误 | 成功完成 | 已成功 | 沒有錯誤 | 正常に | エラーはありません | 성공적으로',
    unless => 'nicht | pas | no | não | non | не | fehlgeschlagen | échec* | échoué* | fall* | falh* | impossible | '
      'impossibile | failed | error | exception | 未 | 无法 | 失败 | 失敗 | せん | 못*',
    example => 'Sicherung erfolgreich abgeschlossen, keine Fehler',
    counterexample => 'Der Export wurde nicht erfolgreich abgeschlossen'
  );
end
$$;

comment on function monitoring.list_localized_no_failure_rules() is
'Returns the built-in rules for texts in other languages that report a success or a recovery.';

create function monitoring.list_localized_security_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_authentication_service_down', priority => 2080, severity => 'CRITICAL', category => 'security',
    matches => '(authentifizierungsdienst | anmeldedienst | service d authentification | serveur d authentification | '
      'servicio de autenticación | servidor de autenticación | serviço de autenticação | servizio di autenticazione | '
      'сервис аутентификации) & (nicht | ausgefallen | indisponible | injoignable | inaccessible | pas | ne répond | '
      'no | caído | não | indisponível | non | недоступ* | не) | (认证服务 | 验证服务 | 鉴定服务 | 驗證服務 | 認證服務 | 認証サービス | 認証サーバ | '
      '인증 (서비스* | 서버*)) & (不可用 | 无法 | 無法 | 未能 | ません | 사용할 | 연결할 | 응답*)',
    unless => 'passwort | mot de passe | contraseña | senha',
    example => 'Der Authentifizierungsdienst ist zurzeit nicht erreichbar',
    counterexample => 'Der Authentifizierungsdienst hat das Passwort nicht akzeptiert'
  );
  return next monitoring.define_rule(
    name => 'localized_authentication_failed', priority => 2085, category => 'security',
    matches => 'authentifizierung* & (benutzer | fehlgeschlagen | zeitüberschreitung | fehler) | keine '
      'zugriffsberechtigung | berechtigung sich mit | fehler bei der anmeldung | anmeldung (für den benutzer | '
      'fehlgeschlagen) | benutzername oder (passwort | kennwort) | falsches (passwort | kennwort) | authentification '
      '& (échouée | échec | annulation | erreur) | refusé pour l utilisateur | authorisé à se connecter | ouverture '
      'de session de | échec de l ouverture | mot de passe (incorrect | invalide | non valide) | (autentificación | '
      'autenticación) & (falló | fallo | fallida | cancelando | error) | denegado para | autorizado a conectar | '
      'inicio de sesión & (error | falló) | contraseña (incorrecta | inválida) | autenticação & (falhou | falha | '
      'cancelando) | negado para o usuário | permissão para se conectar | falha de (logon | início) | falha no login '
      '| usuário ou senha | senha (incorreta | inválida) | autenticazione & (fallita | riuscita) | accesso non | '
      'uwierzytelni* nie | autoryzacja hasłem | провер* подлинности | ошибка (входа | аутентификации) | неверн* '
      '(логин | пароль) | pg_hba* | 认证失败 | 鉴权失败 | 身份验证失败 | 身份驗證失敗 | 登录失败 | 登入失敗 | 用户无权 | 不允许连接到 | 用户名或密码 | 密码错误 | '
      '密碼錯誤 | 口令无效 | 認証 (に失敗 | 失敗 | 処理を) | ログイン (できません | に失敗) | アクセスを拒否します | への接続は許可 | パスワードが | 인증* & (실패* | 취소*) | '
      '로그인* & (못* | 실패*) | 비밀번호가',
    example => 'Passwort-Authentifizierung für Benutzer »berichte« fehlgeschlagen',
    counterexample => 'Die Authentifizierung wurde eingerichtet'
  );
end
$$;

comment on function monitoring.list_localized_security_rules() is
'Returns the built-in rules for texts in other languages about authentication, which come before those about databases: a message
of libpq names the failed connection first.';

create function monitoring.list_localized_statement_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_statement_timeout', priority => 2090, category => 'database',
    matches => 'storniere anfrage | auf eine sperre | abfrage wurde unterbrochen | inaktiver transaktion | '
      'ausführungstimeout | annulation de la requête | obtention (du verrou | des verrous) | inactivité en '
      'transaction | délai d exécution | cancelando la sentencia | espera de (sentencias | candados | bloqueo | '
      'ejecución) | abiertas inactivas | interrumpido la ejecución | cancelando comando | espera do bloqueio | espera '
      'timeout | limite de execução | annullamento dell istruzione | timeout di (lock | esecuzione) | attesa del lock '
      '| оператора отменено | ожидания (блокировки | выполнения) | przekroczonego czasu wykonania | 语句执行超时 | 锁超时 | '
      '锁等待超时 | 取消查询 | 查询执行中断 | 执行超时 | 執行逾時 | ステートメントのタイムアウト | 文をキャンセル | ロックのタイム | ロック待ち | 実行タイム | 명령실행시간 | 잠금 대기 | 실행 '
      '제한 시간',
    unless => 'connexion | conexión',
    example => 'ERREUR:  annulation de la requête à cause du délai écoulé pour l''exécution de l''instruction',
    counterexample => 'Zeitüberschreitung der Anforderung'
  );
end
$$;

comment on function monitoring.list_localized_statement_rules() is
'Returns the built-in rules for texts in other languages about statements that took too long or waited for a lock.';

create function monitoring.list_localized_database_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_database_connection', priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => 'zu viele verbindungen | vieler verbindungsfehler | verbleibenden verbindungen | verbindung aus dem '
      'pool | maximale poolgröße | datenbanksystem (startet | fährt | nimmt keine | ist im) | beendete die verbindung '
      '| daten (vom server | an den server) | verbindung (mit dem server | zu sql) | verbindung zum server (auf | '
      'wurde verloren) | absturz eines anderen | anweisung des administrators | korrektheit von hostnamen | '
      'instanzspezifischer | mit sql server | auf übertragungsebene | keinen neuen thread | server wird '
      'heruntergefahren | socket für den server | handshake vor der | kein listener | oracle nicht verfügbar | trop '
      'de (clients | connexions) | connexions restants | grand nombre d erreur* | connexion du pool | données (se '
      'lance | s arrête) | commande de l administrateur | demande de l administrateur | arrêt brutal | accepte pas de '
      'connexions | en cours de restauration | coupée de façon | données (depuis le serveur | au serveur) | aucune '
      'connexion au serveur | connexion au serveur (sur | a été) | postmaster accepte | spécifique à l instance | '
      'connexion à sql server | niveau transport | d un socket | préalable à l ouverture | pas d écouteur | processus '
      'd écoute | oracle non disponible | nouvelle tâche',
    unless => 'smtp | smtpd | imap | ftp | sshd | postfix',
    example => 'FATAL:  tut mir leid, schon zu viele Verbindungen',
    counterexample => 'smtpd: zu viele Verbindungen von 192.0.2.7'
  );
  return next monitoring.define_rule(
    name => 'localized_database_connection_lost', priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => 'demasiados clientes | demasiadas conexiones | conexiones restantes | debido a muchos | conexión del '
      'grupo | datos está (iniciándose | apagándose) | aceptando conexiones | modo de recuperación | conexión '
      'inesperadamente | terminó de manera | datos (del servidor | al servidor) | conexión (con el servidor | al '
      'servidor en) | perdido la conexión al | otro proceso servidor | postmaster este | orden del administrador | '
      'específico de la instancia | conexión con sql | nivel (de transporte | del transporte) | socket para el '
      'servidor | ningún listener | canal de comunicación | oracle no está | nuevo hilo | muitos clientes | excesso '
      'de conexões | muitas conexões | conexão (remanescentes | do pool) | tamanho máximo do pool | dados está '
      '(iniciando | desligando | em modo) | fechou a conexão | terminou de forma | dados (do servidor | ao servidor) '
      '| pôde conectar ao servidor | outro processo | postmaster está | comando do administrador | específico à '
      'instância | com o sql server | nível (de transporte | no transporte) | soquete para o servidor | serviço de '
      'escuta | há listener | troppi client | troppe connessioni | slot di connessione | connessione dal pool | '
      'database si sta | accetta connessioni | modalità di ripristino | connessione inaspettatamente | comando dell '
      'amministratore | specifico dell istanza | nessun listener | zbyt wiele (połączeń | klientów) | gniazda '
      'połączeń | bazy danych (uruchamia | jest zamykany) | zamknął połączenie | polecenia administratora | '
      'postmaster przyjmuje | слишком много (клиентов | соединений | подключений) | слоты подключений | из пула | '
      'данных (запускается | останавливается | в режиме) | команде администратора | неожиданно закрыл | postmaster '
      'принимает | определенным экземпляром | сервер действительно | прослушивателя',
    unless => 'smtp | smtpd | imap | ftp | sshd | postfix',
    example => 'el servidor ha cerrado la conexión inesperadamente',
    counterexample => 'smtpd: demasiadas conexiones desde 192.0.2.7'
  );
  return next monitoring.define_rule(
    name => 'localized_database_connection_china', priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => '许多连接错误 | 服务器的套接字 | 登录前的握手 | 太多 (的客户 | 连接 | 連線) | 连接太多 | 保留的连接 | 池中获取 | 最大池 | 集區 (連接 | 大小) | 系统 (启动中 | '
      '停止中 | 在恢复) | 意外地 (关闭 | 中斷) | 从服务器接收 | 向服务器发 | 到服务器的 | 连线到伺 | 連線到伺 | 与服务器的 | 与数据库的 | 管理员命令 | 上的服务器 | 连线已 | 連線已 '
      '| 埠号 | 埠號 | 特定于实例 | 個體特定 | sql server (的连接 | 連線) | 传输级 | 傳輸層級 | 监听程序 | 创建新线程 | 服务器正在关闭 | 其它服务器进程',
    unless => 'smtp | smtpd | imap | ftp | sshd | postfix',
    example => '致命错误:  对不起, 已经有太多的客户',
    counterexample => 'smtpd: 太多连接'
  );
  return next monitoring.define_rule(
    name => 'localized_database_connection_japan', priority => 2100, severity => 'CRITICAL', category => 'database',
    matches => 'クライアント数が | ログイン前の | 接続 (エラーが多 | が多す | スロット) | プール (から | された | サイズ) | システムは (起動 | シャットダウンして | リカバリ) | '
      '接続を受け付け | 想定外 | サーバー (からデータ | にデータ | への接続 (がありま | が失 | に失)) | 管理者コマンド | 番号が正し | インスタンス固有 | sql server への | '
      'リスナー | 通信チャネル | 新規にスレッド | トランスポート | シャットダウン中 | 동시 접속* | 너무 많은 연결* | 접속수를 초과* | 슈퍼유저 연결* | 최대 풀 | 시스템이 (새로 | '
      '중지) | 자동 복구 | 갑자기 연결을 | 관리자 요청* | 서버 접속 할 | 인스턴스 관련 | 리스너가',
    unless => 'smtp | smtpd | imap | ftp | sshd | postfix',
    example => 'FATAL:  データベースシステムは起動処理中です',
    counterexample => 'smtpd: クライアント数が多い'
  );
  return next monitoring.define_rule(
    name => 'localized_database_unreachable', priority => 2110, severity => 'CRITICAL', category => 'database',
    matches => 'datenbankverbindung & (nicht | fehlgeschlagen | verloren | unterbrochen) | (datenbank | '
      'datenbankserver | base de données | base de datos | banco de dados | база данных | базой данных | database | '
      'psql* | postgres* | pg | psycopg* | mysql* | sql | redis* | mongo* | port 5432 | port 3306 | port 1433 | port '
      '6379 | port 27017) & ((verbindung* | verbinden | connexion | connecter | conexión | conectar* | conexão | '
      'connessione | connettersi | połączeni* | соединени* | подключ*) & (verweiger* | abgelehnt | fehlgeschlagen | '
      'schlug | verloren | unterbrochen | geschlossen | nicht | refusée | perdue | fermée | échoué | échec | '
      'impossible | rehusada | rechazada | perdid* | falló | no | recusada | negada | falhou | falha | não | '
      'rifiutata | persa | impossibile | fallit* | scaduto | odrzucone | nie | отказано | отклонено | не) | nicht '
      '(erreichbar | verfügbar) | antwortet nicht | injoignable | inaccessible | indisponible | ne répond | no '
      '(disponible | está disponible | responde) | inaccesible | indisponível | inacessível | não responde | '
      'irraggiungibile | недоступн*)',
    unless => 'violates | verletzt | passwort | berechtigung* | droit | permiso | permissão | existiert nicht | n '
      'existe pas | no existe | não existe | не существует',
    example => 'Die Datenbank ist nicht erreichbar: Verbindungsaufbau abgelehnt',
    counterexample => 'Der Drucker ist nicht erreichbar'
  );
  return next monitoring.define_rule(
    name => 'localized_database_unreachable_asia', priority => 2110, severity => 'CRITICAL', category => 'database',
    matches => '(数据库 | 資料庫 | データベース | 데이터베이스* | psql* | postgres* | psycopg* | mysql* | sql | redis* | mongo* | port '
      '5432 | port 3306 | port 1433 | port 6379 | port 27017) & (连接 | 连线 | 連線 | 連接 | 接続 | 연결* | 접속*) & (拒 | 失败 | 超时 | '
      '断开 | 丢失 | 中断 | 无法 | 未能 | 失敗 | 逾時 | 無法 | ません | 切断 | 없* | 실패* | 거부* | 끊*)',
    unless => '不存在 | 存在しません | にはありません | 违反 | 権限 | 权限',
    example => '无法连接到数据库',
    counterexample => '无法连接到打印机'
  );
end
$$;

comment on function monitoring.list_localized_database_rules() is
'Returns the built-in rules for texts in other languages about databases that cannot be reached.';

create function monitoring.list_localized_critical_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_cors_blocked', priority => 2220, severity => 'CRITICAL', category => 'frontend',
    matches => 'quellübergreifende* | multiorigin* | politique same origin | origen cruzado | otro origen | mismo '
      'origen | origem cruzada | mesma origem | постороннего источника | innego pochodzenia | 跨 (源请求 | 來源請求 | 域请求) | '
      '同源 (策略 | 政策) | クロスオリジン | 同一生成元 | 교차 출처* | 동일 출처* | cors & (anfrage | kopfzeile* | requête | en-tête | '
      'solicitud | cabecera | requisição | cabeçalho | pedido | richiesta | запрос* | заголов* | żądanie | 请求 | 头 | '
      '請求 | 要求 | ヘッダ | 요청* | 헤더*)',
    unless => 'report-only | cookie*',
    example => 'Quellübergreifende (Cross-Origin) Anfrage blockiert',
    counterexample => 'CORS ist eingerichtet'
  );
  return next monitoring.define_rule(
    name => 'localized_service_unavailable', priority => 2303, severity => 'CRITICAL',
    matches => 'dienst (nicht verfügbar | ist nicht verfügbar | vorübergehend nicht | ist vorübergehend nicht) | '
      'server nicht verfügbar | ungültiges gateway | fehlerhaftes gateway | service (indisponible | non disponible | '
      'temporairement | momentanément | est temporairement) | serveur (indisponible | non disponible) | passerelle '
      'incorrecte | mauvaise passerelle | servicio (no disponible | no está disponible | temporalmente) | servidor no '
      '(disponible | está) | enlace (incorrecta | no válida) | serviço (não disponível | indisponível | '
      'temporariamente) | servidor (não disponível | indisponível) | gateway (incorreto | inválido | non valido) | '
      'servizio (non disponibile | temporaneamente) | server non disponibile | usługa niedostępna | serwer '
      'niedostępny | сервер не доступен | (сервер | служба | сервис) & (недоступен | недоступна) | недопустимый шлюз '
      '| 服务 (不可用 | 暂时不可 | 暂不可) | 服务器不可 | 错误的网关 | 网关错误 | 無法使用服務 | 服務無法 | 伺服器無法 | 錯誤的閘道 | サーバーを使用でき | サービス (を利用でき | '
      'は利用でき | が利用でき | 利用不可) | 切なゲートウェイ | 正なゲートウェイ | 서비스를 사용할 수 없* | 서버를 사용할 수 없* | 잘못된 게이트웨이*',
    unless => 'smtp | smtpd | postfix',
    example => 'Der Dienst ist vorübergehend nicht verfügbar',
    counterexample => 'Der Dienst ist aktiv'
  );
end
$$;

comment on function monitoring.list_localized_critical_rules() is
'Returns the built-in rules for texts in other languages about blocked requests between origins, and services that are away.';

create function monitoring.list_localized_network_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_payment_failed', priority => 3010, severity => 'HIGH', category => 'backend',
    matches => 'karte (wurde abgelehnt | ist abgelaufen | abgelehnt) | zahlung & (fehlgeschlagen | abgelehnt | nicht) '
      '| ausreichende deckung | carte & (refusée | a expiré) | paiement & (refusé | échoué | échec) | fonds '
      'insuffisants | suffisamment de fonds | tarjeta & (rechazada | rechazado | caducado | expirado) | pago & (falló '
      '| rechazado | fallido) | fondos (suficientes | insuficientes) | cartão & (recusado | expirou | expirado) | '
      'pagamento & (recusado | falhou | rifiutato | riuscito | fallito) | saldo insuficiente | fundos insuficientes | '
      'carta & (rifiutata | scaduta) | fondi insufficienti | карт* & отклонена | плат* & отклон* | недостаточно '
      'средств | 卡被拒 | 卡已过期 | 卡片遭拒 | 支付失败 | 付款 (失败 | 失敗 | 遭拒) | 扣款失败 | 退款失败 | 余额不足 | 餘額不足 | カード (が拒否 | の支払い | の有効期限) '
      '| 支払いに失敗 | 支払いが拒否 | 決済に失敗 | 残高が不足 | 카드가 (거부* | 거절* | 만료*) | 결제* & (거절* | 실패*) | 잔액이 부족*',
    unless => 'typeerror | referenceerror',
    example => 'Votre carte a été refusée.',
    counterexample => 'Die Karte wurde geladen'
  );
  return next monitoring.define_rule(
    name => 'localized_network_error', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'verbindung* & (verweiger* | abgelehnt | fehlgeschlagen | schlug | vorzeitig | abgebrochen | abbruch | '
      'unterbrochen | verloren | getrennt | zurückgesetzt | geschlossen | keine | nicht) | verbinden & nicht | '
      'internetverbindung | geschützter ssl* | verbindungsabbruch | verbindungsfehler | übertragungsverbindung | '
      'keine route | netzwerk ist nicht | netzwerkverbindung | datenübergabe | netzwerkfehler | remote-repository | '
      'senden der anforderung | connexion & (refusée | ré-initialisée | réinitialisée | réinitialisation | '
      'interrompue | fermée | perdue | impossible | aucune | échec | échoué | erreur | abandon | internet) | '
      'connecter & (impossible | pas | échec) | canal sécurisé | aucun chemin d accès pour | réseau (n est | '
      'inaccessible | ne) | relais brisé | impossible d accéder à | dépôt distant | envoi de la demande | erreur '
      'réseau | conexión & (rehusada | rechazada | reinicializada | interrumpida | interrupción | perdido | perdida | '
      'perdió | cerró | cerrada | reiniciada | terminado | falló | denegó | error | no | fin | desactivada) | '
      'conectar* & (no | não | error | imposible | impossível | falha) | canal seguro | ninguna ruta | red (es '
      'inaccesible | no) | tubería rota | posible acceder a | repositorio remoto | enviar la solicitud | error de red '
      '| (conexão | ligação) & (recusada | negada | fechada | encerrada | perdida | cortada | falhou | falha | '
      'reiniciada | reposta | nenhuma | não | erro | cancelamento | desativada) | recusou* ativamente | não há rota | '
      'sem caminho | rede (está fora | inacessível | não) | pipe quebrado | impossível ligar | enviar a solicitação | '
      'erro de rede',
    unless => 'report-only | wiederhergestellt | rétablie',
    example => 'Es konnte keine Verbindung hergestellt werden',
    counterexample => 'Die Verbindung wird aufgebaut'
  );
  return next monitoring.define_rule(
    name => 'localized_network_error_elsewhere', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'connessione & (rifiutata | interrotta | chiusa | persa | annullata | fallita | fallito | riuscita | '
      'impossibile | errore) | impossibile connettersi | nessun instradamento | rete non è | errore di rete | '
      'połączeni* & (odrzucone | zerwane | przerwane | nie | zresetowane) | brak trasy | sieć jest | połączyć z | '
      '(соединени* | соединение | подключение | подключени*) & (отказано | потеряно | сброшено | прервано | закрыто | '
      'разорвал | разорвано | разрыв | не) | отверг запрос | соединиться с | нет маршрута | сеть не | удалось '
      'подключиться | ошибка сети',
    unless => 'report-only | wiederhergestellt | rétablie',
    example => 'Połączenie odrzucone',
    counterexample => 'Połączenie otwarte'
  );
  return next monitoring.define_rule(
    name => 'localized_network_error_asia', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => '(连接 | 连线 | 連線 | 連接) & (拒 | 失败 | 中断 | 断开 | 重置 | 重设 | 关闭 | 中止 | 无法 | 未能 | 无法 | 失敗 | 中斷 | 重設 | 關閉 | 無法) '
      '| 网络 (不可达 | 已关闭 | 错误 | 异常) | 到主机的 | 主机关闭 | 断开的管道 | 互联网的连 | 远端意外 | 远程仓库 | 发送请求时 | 安全通道 | 網路 (錯誤 | 連) | 接続 & (拒 '
      '| 切 | 失 | 中断 | リセット | 閉じ | 中止 | ません | オフライン | エラー) | ホストへの経路 | ネットワーク (に届 | が | エラー) | 要求の送信中 | チャネルを作成 | (연결* '
      '| 접속*) & (거부* | 초기화* | 중단* | 실패* | 닫* | 끊* | 없* | 너무) | 호스트로 갈 | 네트워크 오류* | 네트워크가',
    unless => 'report-only | 权限 | 権限 | 不存在 | 存在しません | にはありません',
    example => '无法连接到远程服务器',
    counterexample => '连接已建立'
  );
  return next monitoring.define_rule(
    name => 'localized_host_not_found', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => 'nicht aufgelöst werden | host ist unbekannt | derartiger host | in adresse übersetzen | '
      'namensauflösung | dienst ist nicht bekannt | gehört keine adresse | unbekannter (rechner | host) | angegebenen '
      'hostnamen | être résolu | hôte inconnu | nom d hôte | résolution (du nom | de) | service inconnu | adresse '
      'associée | pas à résoudre | resolver el nombre | host (desconocido | especificado) | traducir el nombre | '
      'fallo temporal | servicio desconocido | dirección asociada | pudo resolver | error al resolver | ser resolvido '
      '| host não é conhecido | máquina é desconhecida | falha temporári* | serviço desconhecido | endereço associado '
      '| possível resolver | erro ao resolver | traduzir nome | nome remoto | risoluzione del nome | servizio '
      'sconosciuto | impossibile risolvere | nieznany host | разрешить удаленное | удалось разрешить | хост '
      'неизвестен | разрешении имен',
    unless => 'modul* | módulo | module',
    example => 'Der angegebene Host ist unbekannt',
    counterexample => 'Der Host ist bekannt'
  );
  return next monitoring.define_rule(
    name => 'localized_host_not_found_asia', priority => 3020, severity => 'HIGH', category => 'infrastructure',
    matches => '解析此远程 | 这样的主机 | 解释主机 | 域名解析 | 名称或服务 | 与主机名 | 未知的主机 | 无法解析 | 能解析域名 | 指定主机名 | 無法解析 | 這台主機 | 不明主機 | '
      'モート名を解決 | ホストは不明 | アドレスに変換 | 名前解決 | サービスが不明 | にアドレスが | 不明なホスト | ホスト名のサーバ | ホスト名を持つ | アドレスは解決 | 원격 이름을 | 알려진 '
      '호스트가 | 알 수 없는 호스트* | 혹은 서비스를 | 주소를 알아낼 | 서버를 찾을 수',
    unless => 'modul* | módulo | module | 模块',
    example => '域名解析暂时失败',
    counterexample => '域名已解析'
  );
end
$$;

comment on function monitoring.list_localized_network_rules() is
'Returns the built-in rules for texts in other languages about failed payments, connections and names of hosts.';

create function monitoring.list_localized_timeout_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_timeout', priority => 3110, severity => 'HIGH', category => 'infrastructure',
    matches => 'zeitüberschreitung* | timeout (für vorgang | abgelaufen | überschritten | beim) | wartezeit '
      '(abgelaufen | für) | richtig reagiert | zu lange | timeoutzeitraum | verbindungstimeout | délai & (expiré | '
      'dépassé | écoulé | expiration | passerelle) | requête a expiré | répondu convenablement | temps à répondre | '
      'tiempo de espera & (excedió | excedido | agotado | agotó | operación | caducado | puerta) | tiempo (de '
      'conexión | agotado) | respondió adecuadamente | tardando demasiado | conexión ha caducado | tempo limite & '
      '(atingido | esgotou* | esgotado | expirado | excedido | operação) | tempo (esgotado | excedido) | tempo de '
      'espera (expirado | esgotado) | (conexão | ligação) & (expirou | expirada) | respondeu corretamente | demorou '
      'muito | timeout (dell operazione | scaduto | del gateway) | tempo (scaduto | di richiesta) | connessione '
      'scaduta | czas oczekiwania | limitu czasu | limit czasu | время ожидания | времени на запрос | 超时 | 逾時 | '
      '响应时间过长 | 没有正确答复 | 無回應 | 正確回應 | タイムアウト | 時間切れ | 正しく応答し | 시간 초과* | 시간이 초과* | 응답이 (너무 | 없*) | 제한 시간이',
    unless => 'configur* | konfigur* | gesetzt | 未设置 | 默认 | 配置 | 设置为 | 設定 | existiert nicht | n existe pas | no '
      'existe | não existe | не существует | 不存在 | 存在しません | にはありません',
    example => 'Zeitüberschreitung der Anforderung',
    counterexample => 'Délai dépassé ? Il est configuré à 30 s'
  );
  return next monitoring.define_rule(
    name => 'localized_server_error', priority => 3210, severity => 'HIGH',
    matches => 'interner (serverfehler | server-fehler) | erreur interne (du | au) | erreur de serveur interne | '
      'error interno (del | en) | erro interno (do | no) | errore interno del | wewnętrzny błąd serwera | внутренняя '
      'ошибка | 内部服务器错误 | 内部服务器出错 | 服务器内部错误 | 伺服器內部錯誤 | 內部伺服器錯誤 | 内部サーバーエラー | サーバー内部エラー | サーバーエラーが | 내부 서버 오류* | 서버 '
      '내부 오류*',
    example => 'Interner Serverfehler',
    counterexample => 'Der Server meldet keinen Fehler'
  );
end
$$;

comment on function monitoring.list_localized_timeout_rules() is
'Returns the built-in rules for texts in other languages about timeouts and internal errors of a server.';

create function monitoring.list_localized_lower_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_rate_limited', priority => 4010, severity => 'MEDIUM',
    matches => 'zu viele (anfragen | anforderungen | versuche) | anfragelimit | ratenlimit | trop de (requêtes | '
      'demandes | tentatives) | limite de requêtes | demasiadas (solicitudes | peticiones) | demasiados (intentos | '
      'pedidos) | límite de solicitudes | muitas (requisições | solicitações | tentativas) | excesso de requisições | '
      'limite de requisições | troppe richieste | zbyt wiele żądań | слишком много (запросов | попыток) | 请求 (过于 | 过多 '
      '| 太多) | 太多请求 | 过于频繁 | 速率限制 | 要求過多 | 過於頻繁 | リクエスト (が多す | 数が多す) | 要求が多す | レート制限 | 요청이 너무 많* | 너무 많은 요청*',
    unless => 'konfigur* | configur* | 设置',
    example => 'Trop de requêtes, réessayez dans une minute',
    counterexample => 'Anfragelimit konfiguriert: 100'
  );
  return next monitoring.define_rule(
    name => 'localized_slow_query', priority => 4020, severity => 'MEDIUM',
    matches => 'langsame (abfrage* | anfrage*) | requête lente | requêtes lentes | consulta lenta | consultas lentas '
      '| медленный запрос | 慢 (查询 | 查詢 | sql) | スロークエリ | 遅いクエリ | 느린 쿼리*',
    example => 'Langsame Abfrage: 2150 ms',
    counterexample => 'Die Abfrage war schnell'
  );
  return next monitoring.define_rule(
    name => 'localized_cache_miss', priority => 4030, severity => 'MEDIUM',
    matches => 'nicht im cache | absent du cache | pas dans le cache | no está en la caché | não está em cache | '
      '缓存未命中 | 未命中缓存 | 快取未命中 | キャッシュミス | キャッシュにあり | 캐시 미스*',
    example => '缓存未命中: user:42',
    counterexample => '缓存命中: user:42'
  );
  return next monitoring.define_rule(
    name => 'localized_deprecated', priority => 4040, severity => 'MEDIUM',
    matches => 'veraltet* | nicht mehr verwendet werden | zukünftigen version | in zukunft entfernt | obsolèt* | '
      'obsolet* | déprécié* | sera supprimé* | plus permise | desaprobad* | en desuso | será (eliminad* | quitad* | '
      'removid*) | descontinuad* | desatualizad* | verrà rimoss* | przestarzał* | устаре* | 弃用 | 棄用 | 已过时 | 已過時 | '
      '将被移除 | 将来的版本 | 推奨されま | 廃止予定 | 将来のバー | 将来のリリ | 非推奨 | 더 이상 (사용되지 | 지원되지) | 제거될 예정* | 사용은 중단*',
    unless => 'cache* | 缓存',
    example => 'La méthode est obsolète et sera supprimée',
    counterexample => 'veraltete Einträge aus dem Cache entfernt'
  );
  return next monitoring.define_rule(
    name => 'localized_missing_image', priority => 5000, severity => 'LOW',
    matches => 'bild (nicht gefunden | konnte nicht | wurde nicht) | image (introuvable | non trouvée) | imagen no | '
      'cargar la imagen | imagem não | carregar a imagem | immagine non | 图片 (加载失败 | 不存在 | 未找到) | 圖片載入失敗 | 画像 (が見つ | '
      'を読み込め) | 이미지를 (찾을 | 불러올)',
    unless => 'docker | container | kubelet',
    example => 'Bild konnte nicht geladen werden',
    counterexample => 'Docker: image introuvable'
  );
  return next monitoring.define_rule(
    name => 'localized_not_found', priority => 5020, severity => 'LOW',
    matches => '404 (nicht | introuvable | non | no se | no encontrad* | não | не | nie | 未找到 | 找不到 | 不存在 | 見つかりま | '
      '찾을) | seite (nicht gefunden | wurde nicht gefunden) | page (non trouvée | introuvable) | página (no encontrada '
      '| não encontrada) | pagina non trovata | страница не найдена | 页面 (不存在 | 未找到) | 找不到 (页面 | 网页 | 頁面 | 網頁) | '
      'ページが見つ | 페이지를 찾을',
    example => '404 Nicht gefunden',
    counterexample => 'Die Seite wurde gefunden'
  );
end
$$;

comment on function monitoring.list_localized_lower_rules() is
'Returns the built-in rules for texts in other languages of severity MEDIUM and LOW.';

create function monitoring.list_localized_topics()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_topic_database', priority => 9033, category => 'database',
    matches => 'datenbank | datenbanken | datenbankserver | datenbanksystem | datenbankverbindung | datenbankfehler | '
      'unique-constraint | fremdschlüssel* | not-null-constraint | check-constraint | verklemmung | zeilenebene | '
      'berechtigung für (tabelle | schema | funktion | relation | sequenz) | tabelle oder view | eingabesyntax | '
      'syntaxfehler bei | serialisieren | tabellenfeld | schnelles herunterfahren | auf eine sperre | existiert nicht '
      '& (relation | tabelle | spalte | funktion | operator | schema | rolle) | field list | base de données | bases '
      'de données | base de datos | bases de datos | banco de dados | contrainte (unique | de | not) | clé (dupliquée '
      '| étrangère) | droit refusé | interblocage | niveau ligne | table ou vue | syntaxe (en entrée | sur) | n '
      'existe pas & (relation | colonne | table | fonction | opérateur) | duplicata du champ | llave (duplicada | '
      'foránea) | clave (duplicada | foránea) | restricción (de | única) | permiso denegado a | no existe la | no '
      'existe & (operador | función) | sintaxis en o | tabla o vista | de registros | interbloqueo | estancamiento | '
      'sintaxis de entrada | entrada duplicada | la columna | chave (estrangeira | viola) | viola (a restrição | '
      'restrição | política) | permissão negada para | não existe & (relação | coluna | tabela | função | operador) | '
      'sintaxe em ou | tabela ou view | impasse detectado | serializar | sintaxe de entrada | vincolo | chiave '
      'esterna | permesso negato per | non esiste & (relazione | colonna) | baz* danych | unikalności | klucz obcy | '
      'баз* данных | бд | не существует & (отношение | столбец) | ограничени* | взаимоблокировка | нет доступа к',
    unless => 'dns | indexeddb | modul*',
    example => 'FEHLER:  doppelter Schlüsselwert verletzt Unique-Constraint',
    counterexample => 'Die Tabelle ist leer'
  );
  return next monitoring.define_rule(
    name => 'localized_topic_database_asia', priority => 9034, category => 'database',
    matches => '数据库 | 資料庫 | 约束 | 唯一約束 | 外键 | 重复 (键 | 条目) | 死锁 | 行级安全 | 对表 | 串行访问 | 表或视图 | (关系 | 字段 | 列 | 函数 | 操作符) & '
      '(不存在 | 太长) | 语法错误 | 输入语法 | 查询命令 | データベース | 一意性制約 | 一意制約 | 外部キー | デッドロック | リレーション | (列 | 関数 | 演算子) & ません | '
      '構文エラー | 行レベルセ | 検査制約 | 表またはビ | ロック待ち | 데이터베이스* | 릴레이션* | 칼럼* | 제약* | 중복된 키 | 참조키* | 교착 상태*',
    unless => 'dns | indexeddb',
    example => '重复键违反唯一约束',
    counterexample => '页面不存在'
  );
  return next monitoring.define_rule(
    name => 'localized_topic_database_words', priority => 9066, category => 'database',
    matches => 'tabelle | spalte | transaktion* | colonne | contrainte | requête sql | verrou | columna | tabla | '
      'transacción | restricción | coluna | tabela | transação | restrição | transazione | tabella | таблиц* | '
      'транзакци* | 事务 | 语句 | 表空间 | 查询 | 查詢 | テーブル | トランザクション | クエリ | ステートメント | 테이블* | 트랜잭션* | 쿼리*',
    example => 'Die Transaktion ist beendet',
    counterexample => 'Die Antwort ist leer'
  );
  return next monitoring.define_rule(
    name => 'localized_topic_security', priority => 9071, category => 'security',
    matches => 'zugriff verweigert | berechtigung* | nicht autorisiert | anmeldung | passwort* | kennwort* | '
      'authentifizierung* | verboten | accès refusé | permission non | autorisation* | non autorisé* | '
      'authentification | mot de passe | interdit | acceso denegado | permiso denegado | contraseña* | autenticación '
      '| autentificación | no autorizad* | prohibido | inicio de sesión | acesso negado | permissão (negada | '
      'recusada) | senha | autenticação | não autorizad* | proibido | accesso negato | permesso negato | '
      'autenticazione | non autorizzat* | hasł* | uwierzytelni* | доступ (запрещен | закрыт) | отказано в доступе | '
      'парол* | аутентификаци* | 权限 | 拒绝访问 | 禁止访问 | 未授权 | 未经授权 | 认证 | 登录 | 密码 | 口令 | 令牌 | 存取被拒 | 權限 | 登入 | 密碼 | 身份验证 '
      '| 認証 | パスワード | ログイン | トークン | アクセスが拒 | 許可がありま | 権限 | 권한* | 인증을 | 인증에 | 인증 | 비밀번호* | 로그인*',
    unless => 'eacces | content security policy',
    example => 'Zugriff verweigert',
    counterexample => 'Der Zugriff wurde gewährt'
  );
  return next monitoring.define_rule(
    name => 'localized_topic_infrastructure', priority => 9078, category => 'infrastructure',
    matches => 'speicherplatz | festplatte* | speicher aufgebraucht | kein speicher | nicht genügend | '
      'speicherzugriffsfehler | offene dateien | netzwerk* | zertifikat* | espace (disponible | insuffisant) | disque '
      'plein | mémoire | fichiers ouverts | réseau | certificat* | espacio en | disco lleno | memoria | ficheros '
      'abiertos | archivos abiertos | espaço (disponível | livre | insuficiente) | disco cheio | memória | arquivos '
      'abertos | spazio esaurito | disco pieno | brak miejsca | brak pamięci | przydzielić pamięci | памят* | '
      'свободного места | сертификат* | 内存 | 記憶體 | 磁盘 | 磁碟 | 没有空间 | 文件过多 | 证书 | 憑證 | 网络 | 網路 | メモリ | ディスク | 空き領域 | '
      '証明書 | ネットワーク | 메모리* | 디스크* | 남은 공간* | 인증서* | 네트워크*',
    example => 'Kein Speicherplatz mehr auf dem Gerät verfügbar',
    counterexample => 'Die Datei ist leer'
  );
  return next monitoring.define_rule(
    name => 'localized_topic_frontend', priority => 9084, category => 'frontend',
    matches => 'gemischten aktiven | contenu mixte | contenido mixto | conteúdo misto | 混合内容 | 混在コンテンツ | navigateur | '
      'navegador | stilvorlage | feuille de style | hoja de estilo | 浏览器 | 瀏覽器 | ブラウザ | 브라우저*',
    example => 'Das Laden von gemischten aktiven Inhalten wurde blockiert',
    counterexample => 'Das Dokument ist leer'
  );
end
$$;

comment on function monitoring.list_localized_topics() is
'Returns the built-in rules for words of other languages that give the category.';
