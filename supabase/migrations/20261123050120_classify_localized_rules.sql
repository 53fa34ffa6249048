-- Purpose: the built-in rules for texts in other languages than English: recoveries, authentication, cancelled
--   statements, blocked requests and services that are away.
-- Objects: functions monitoring.list_localized_no_failure_rules, monitoring.list_localized_security_rules,
--   monitoring.list_localized_statement_rules, monitoring.list_localized_critical_rules.
-- Risks: see classify_success_rules for the priorities. The phrases come from the message catalogues of PostgreSQL,
--   MySQL, Oracle, Windows, .NET, Java, the C library and browsers, in German, French, Spanish, Portuguese, Italian,
--   Polish, Russian, Chinese, Japanese and Korean. A phrase of Chinese or Japanese is found anywhere in a sentence;
--   Korean words have endings, so that most end with *. Codes come first: these rules are for texts without one.

create function monitoring.list_localized_no_failure_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_recovered',
    priority => 1000, severity => 'LOW',
    matches => 'wiederhergestellt | reset erfolgreich | bereit um verbindungen | wieder (erreichbar | verfügbar)'
      '| rétablie | rétabli | prêt pour accepter | réinitialisation succès | à nouveau (disponible | accessible)'
      '| restablecida | restablecido | listo para aceptar | reiniciar con éxito | nuevamente disponible'
      '| restabelecid* | restaurada | pronto para aceitar'
      '| ripristinat* | pronto ad accettare | gotowy do przyjmowania | восстановлен* | готова принимать'
      '| 已恢复 | 恢复正常 | 接成功 | 试成功 | 准备接受 | 重置 完成 | 已恢復 | 恢復正常'
      '| 復旧しました | 回復しました | 再接続 | 準備が整 | セットしています 成功 | 연결이 (복구* | 복원*) | 서버로 '
      '접속할 수 있*',
    unless => 'nicht | n a pas | pas été | impossible | por la | por el | se ha | no se | não foi | não pôde | non è'
      '| не удалось | 未恢复 | 无法 | 無法 | できません | 失败',
    example => 'Verbindung zur Datenbank nach 4 Versuchen wiederhergestellt',
    counterexample => 'Die Verbindung konnte nicht wiederhergestellt werden'
  );
  return next monitoring.define_rule(
    name => 'localized_no_failure',
    priority => 1010, severity => 'LOW',
    matches => 'ohne fehler | keine fehler | 0 fehler | erfolgreich | sans erreur | aucune erreur | 0 erreurs | avec '
      'succès | réussie | sin errores | 0 errores | con éxito | correctamente | sem erros | 0 erros | com sucesso'
      '| senza errori | con successo | без ошибок | успешно | 没有错误 | 无错误 | 成功完成 | 已成功 | 沒有錯誤'
      '| 正常に | エラーはありません | 성공적으로',
    unless => 'nicht | pas | no | não | non | не | fehlgeschlagen | échec* | échoué* | fall* | falh* | impossible'
      '| impossibile | failed | error | exception | 未 | 无法 | 失败 | 失敗 | せん | 못*',
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
    name => 'localized_authentication_service_down',
    priority => 2080, severity => 'CRITICAL', category => 'security',
    matches => '(authentifizierungsdienst | anmeldedienst | service d authentification | serveur d authentification'
      '| servicio de autenticación | servidor de autenticación | serviço de autenticação | servizio di '
      'autenticazione | сервис аутентификации) & (nicht | ausgefallen | indisponible | injoignable | inaccessible'
      '| pas | ne répond | no | caído | não | indisponível | non | недоступ* | не) | (认证服务 | 验证服务 | 鉴定服务'
      '| 驗證服務 | 認證服務 | 認証サービス | 認証サーバ | 인증 (서비스* | 서버*)) & (不可用 | 无法 | 無法 | 未能'
      '| ません | 사용할 | 연결할 | 응답*)',
    unless => 'passwort | mot de passe | contraseña | senha',
    example => 'Der Authentifizierungsdienst ist zurzeit nicht erreichbar',
    counterexample => 'Der Authentifizierungsdienst hat das Passwort nicht akzeptiert'
  );
  return next monitoring.define_rule(
    name => 'localized_authentication_failed',
    priority => 2085, category => 'security',
    matches => 'authentifizierung* & (benutzer | fehlgeschlagen | zeitüberschreitung | fehler) | keine '
      'zugriffsberechtigung | berechtigung sich mit | fehler bei der anmeldung | anmeldung (für den benutzer'
      '| fehlgeschlagen) | benutzername oder (passwort | kennwort) | falsches (passwort | kennwort)'
      '| authentification & (échouée | échec | annulation | erreur) | refusé pour l utilisateur | authorisé à se '
      'connecter | ouverture de session de | échec de l ouverture | mot de passe (incorrect | invalide | non valide)'
      '| (autentificación | autenticación) & (falló | fallo | fallida | cancelando | error) | denegado para'
      '| autorizado a conectar | inicio de sesión & (error | falló) | contraseña (incorrecta | inválida)'
      '| autenticação & (falhou | falha | cancelando) | negado para o usuário | permissão para se conectar | falha '
      'de (logon | início) | falha no login | usuário ou senha | senha (incorreta | inválida)'
      '| autenticazione & (fallita | riuscita) | accesso non | uwierzytelni* nie | autoryzacja hasłem | провер* '
      'подлинности | ошибка (входа | аутентификации) | неверн* (логин | пароль)'
      '| pg_hba* | 认证失败 | 鉴权失败 | 身份验证失败 | 身份驗證失敗 | 登录失败 | 登入失敗 | 用户无权 | 不允许连接到'
      '| 用户名或密码 | 密码错误 | 密碼錯誤 | 口令无效'
      '| 認証 (に失敗 | 失敗 | 処理を) | ログイン (できません | に失敗) | アクセスを拒否します | への接続は許可'
      '| パスワードが | 인증* & (실패* | 취소*) | 로그인* & (못* | 실패*) | 비밀번호가',
    example => 'Passwort-Authentifizierung für Benutzer »berichte« fehlgeschlagen',
    counterexample => 'Die Authentifizierung wurde eingerichtet'
  );
end
$$;

comment on function monitoring.list_localized_security_rules() is
'Returns the built-in rules for texts in other languages about authentication, which come before those about
databases: a message of libpq names the failed connection first.';

create function monitoring.list_localized_statement_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_statement_timeout',
    priority => 2090, category => 'database',
    matches => 'storniere anfrage | auf eine sperre | abfrage wurde unterbrochen | inaktiver transaktion'
      '| ausführungstimeout'
      '| annulation de la requête | obtention (du verrou | des verrous) | inactivité en transaction | délai d '
      'exécution'
      '| cancelando la sentencia | espera de (sentencias | candados | bloqueo | ejecución) | abiertas inactivas'
      '| interrumpido la ejecución'
      '| cancelando comando | espera do bloqueio | espera timeout | limite de execução'
      '| annullamento dell istruzione | timeout di (lock | esecuzione) | attesa del lock | оператора отменено'
      '| ожидания (блокировки | выполнения) | przekroczonego czasu wykonania'
      '| 语句执行超时 | 锁超时 | 锁等待超时 | 取消查询 | 查询执行中断 | 执行超时 | 執行逾時'
      '| ステートメントのタイムアウト | 文をキャンセル | ロックのタイム | ロック待ち | 実行タイム | 명령실행시간'
      '| 잠금 대기 | 실행 제한 시간',
    unless => 'connexion | conexión',
    example => 'ERREUR:  annulation de la requête à cause du délai écoulé pour l''exécution de l''instruction',
    counterexample => 'Zeitüberschreitung der Anforderung'
  );
end
$$;

comment on function monitoring.list_localized_statement_rules() is
'Returns the built-in rules for texts in other languages about statements that took too long or waited for a lock.';

create function monitoring.list_localized_critical_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_cors_blocked',
    priority => 2220, severity => 'CRITICAL', category => 'frontend',
    matches => 'quellübergreifende* | multiorigin* | politique same origin | origen cruzado | otro origen | mismo '
      'origen | origem cruzada | mesma origem | постороннего источника | innego pochodzenia | 跨 (源请求 | 來源請求'
      '| 域请求) | 同源 (策略 | 政策) | クロスオリジン | 同一生成元 | 교차 출처* | 동일 출처*'
      '| cors & (anfrage | kopfzeile* | requête | en-tête | solicitud | cabecera | requisição | cabeçalho | pedido'
      '| richiesta | запрос* | заголов* | żądanie | 请求 | 头 | 請求 | 要求 | ヘッダ | 요청* | 헤더*)',
    unless => 'report-only | cookie*',
    example => 'Quellübergreifende (Cross-Origin) Anfrage blockiert',
    counterexample => 'CORS ist eingerichtet'
  );
  return next monitoring.define_rule(
    name => 'localized_service_unavailable',
    priority => 2303, severity => 'CRITICAL',
    matches => 'dienst (nicht verfügbar | ist nicht verfügbar | vorübergehend nicht | ist vorübergehend nicht)'
      '| server nicht verfügbar | ungültiges gateway | fehlerhaftes gateway'
      '| service (indisponible | non disponible | temporairement | momentanément | est temporairement) | serveur '
      '(indisponible | non disponible) | passerelle incorrecte | mauvaise passerelle'
      '| servicio (no disponible | no está disponible | temporalmente) | servidor no (disponible | está) | enlace '
      '(incorrecta | no válida)'
      '| serviço (não disponível | indisponível | temporariamente) | servidor (não disponível | indisponível)'
      '| gateway (incorreto | inválido | non valido) | servizio (non disponibile | temporaneamente) | server non '
      'disponibile'
      '| usługa niedostępna | serwer niedostępny | сервер не доступен | (сервер | служба | сервис) & (недоступен'
      '| недоступна) | недопустимый шлюз'
      '| 服务 (不可用 | 暂时不可 | 暂不可) | 服务器不可 | 错误的网关 | 网关错误 | 無法使用服務 | 服務無法'
      '| 伺服器無法 | 錯誤的閘道'
      '| サーバーを使用でき | サービス (を利用でき | は利用でき | が利用でき | 利用不可) | 切なゲートウェイ'
      '| 正なゲートウェイ | 서비스를 사용할 수 없* | 서버를 사용할 수 없* | 잘못된 게이트웨이*',
    unless => 'smtp | smtpd | postfix',
    example => 'Der Dienst ist vorübergehend nicht verfügbar',
    counterexample => 'Der Dienst ist aktiv'
  );
end
$$;

comment on function monitoring.list_localized_critical_rules() is
'Returns the built-in rules for texts in other languages about blocked requests between origins and services
that are away.';
