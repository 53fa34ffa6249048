-- Purpose: the built-in rules for texts in other languages than English that are MEDIUM or LOW, or only have a topic.
-- Objects: functions monitoring.list_localized_lower_rules, monitoring.list_localized_database_topics,
--   monitoring.list_localized_topics.
-- Risks: see classify_success_rules for the priorities, and classify_localized_rules for the phrases.

create function monitoring.list_localized_lower_rules()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_rate_limited',
    priority => 4010, severity => 'MEDIUM',
    matches => 'zu viele (anfragen | anforderungen | versuche) | anfragelimit | ratenlimit | trop de (requêtes'
      '| demandes | tentatives) | limite de requêtes | demasiadas (solicitudes | peticiones) | demasiados (intentos'
      '| pedidos) | límite de solicitudes | muitas (requisições | solicitações | tentativas) | excesso de requisições'
      '| limite de requisições | troppe richieste | zbyt wiele żądań | слишком много (запросов | попыток)'
      '| 请求 (过于 | 过多 | 太多) | 太多请求 | 过于频繁 | 速率限制 | 要求過多 | 過於頻繁 | リクエスト (が多す'
      '| 数が多す) | 要求が多す | レート制限 | 요청이 너무 많* | 너무 많은 요청*',
    unless => 'konfigur* | configur* | 设置',
    example => 'Trop de requêtes, réessayez dans une minute',
    counterexample => 'Anfragelimit konfiguriert: 100'
  );
  return next monitoring.define_rule(
    name => 'localized_slow_query',
    priority => 4020, severity => 'MEDIUM',
    matches => 'langsame (abfrage* | anfrage*) | requête lente | requêtes lentes | consulta lenta | consultas lentas'
      '| медленный запрос | 慢 (查询 | 查詢 | sql) | スロークエリ | 遅いクエリ | 느린 쿼리*',
    example => 'Langsame Abfrage: 2150 ms',
    counterexample => 'Die Abfrage war schnell'
  );
  return next monitoring.define_rule(
    name => 'localized_cache_miss',
    priority => 4030, severity => 'MEDIUM',
    matches => 'nicht im cache | absent du cache | pas dans le cache | no está en la caché | não está em cache'
      '| 缓存未命中 | 未命中缓存 | 快取未命中 | キャッシュミス | キャッシュにあり | 캐시 미스*',
    example => '缓存未命中: user:42',
    counterexample => '缓存命中: user:42'
  );
  return next monitoring.define_rule(
    name => 'localized_deprecated',
    priority => 4040, severity => 'MEDIUM',
    matches => 'veraltet* | nicht mehr verwendet werden | zukünftigen version | in zukunft entfernt | obsolèt*'
      '| obsolet* | déprécié* | sera supprimé* | plus permise | desaprobad* | en desuso | será (eliminad* | quitad*'
      '| removid*) | descontinuad* | desatualizad* | verrà rimoss* | przestarzał* | устаре*'
      '| 弃用 | 棄用 | 已过时 | 已過時 | 将被移除 | 将来的版本 | 推奨されま | 廃止予定 | 将来のバー | 将来のリリ'
      '| 非推奨 | 더 이상 (사용되지 | 지원되지) | 제거될 예정* | 사용은 중단*',
    unless => 'cache* | 缓存',
    example => 'La méthode est obsolète et sera supprimée',
    counterexample => 'veraltete Einträge aus dem Cache entfernt'
  );
  return next monitoring.define_rule(
    name => 'localized_missing_image',
    priority => 5000, severity => 'LOW',
    matches => 'bild (nicht gefunden | konnte nicht | wurde nicht) | image (introuvable | non trouvée) | imagen no'
      '| cargar la imagen | imagem não | carregar a imagem | immagine non | 图片 (加载失败 | 不存在 | 未找到)'
      '| 圖片載入失敗 | 画像 (が見つ | を読み込め) | 이미지를 (찾을 | 불러올)',
    unless => 'docker | container | kubelet',
    example => 'Bild konnte nicht geladen werden',
    counterexample => 'Docker: image introuvable'
  );
  return next monitoring.define_rule(
    name => 'localized_not_found',
    priority => 5020, severity => 'LOW',
    matches => '404 (nicht | introuvable | non | no se | no encontrad* | não | nie) | 404 (не | 未找到 | 找不到'
      '| 不存在 | 見つかりま | 찾을)'
      '| seite (nicht gefunden | wurde nicht gefunden) | page (non trouvée | introuvable) | página (no encontrada'
      '| não encontrada) | pagina non trovata | страница не найдена | 页面 (不存在 | 未找到) | 找不到 (页面 | 网页'
      '| 頁面 | 網頁) | ページが見つ | 페이지를 찾을',
    example => '404 Nicht gefunden',
    counterexample => 'Die Seite wurde gefunden'
  );
end
$$;

comment on function monitoring.list_localized_lower_rules() is
'Returns the built-in rules for texts in other languages of severity MEDIUM and LOW.';

create function monitoring.list_localized_database_topics()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_topic_database',
    priority => 9033, category => 'database',
    matches => 'datenbank | datenbanken | datenbankserver | datenbanksystem | datenbankverbindung | datenbankfehler'
      '| unique-constraint | fremdschlüssel* | not-null-constraint | check-constraint | verklemmung | zeilenebene'
      '| berechtigung für (tabelle | schema | funktion | relation | sequenz) | tabelle oder view | eingabesyntax'
      '| syntaxfehler bei | serialisieren | tabellenfeld | ungültiger objektname | schnelles herunterfahren | auf eine '
      'sperre | existiert nicht & (relation | tabelle | spalte | funktion | operator | schema | rolle) | field list'
      '| base de données | bases de données | base de datos | bases de datos | banco de dados | contrainte (unique'
      '| de | not) | clé (dupliquée | étrangère) | droit refusé | interblocage | niveau ligne | table ou vue | syntaxe '
      '(en entrée | sur) | n existe pas & (relation | colonne | table | fonction | opérateur | rôle) | nom d objet'
      '| duplicata du champ'
      '| llave (duplicada | foránea) | clave (duplicada | foránea) | restricción (de | única) | permiso denegado a'
      '| no existe la | no existe & (operador | función | rol | tabla) | nombre de objeto | sintaxis en o | tabla o '
      'vista | de registros | interbloqueo | estancamiento | sintaxis de entrada | entrada duplicada | la columna'
      '| chave (estrangeira | viola) | viola (a restrição | restrição | política) | permissão negada para | não '
      'existe & (relação | coluna | tabela | função | operador | role) | nome de objeto | sintaxe em ou | tabela ou '
      'view | impasse detectado | serializar | sintaxe de entrada'
      '| vincolo | chiave esterna | permesso negato per | non esiste & (relazione | colonna) | baz* danych'
      '| unikalności | klucz obcy | баз* данных | бд | не существует & (отношение | столбец) | ограничени*'
      '| взаимоблокировка | нет доступа к',
    unless => 'dns | indexeddb | modul*',
    example => 'FEHLER:  doppelter Schlüsselwert verletzt Unique-Constraint',
    counterexample => 'Die Tabelle ist leer'
  );
  return next monitoring.define_rule(
    name => 'localized_topic_database_asia',
    priority => 9034, category => 'database',
    matches => '数据库 | 資料庫 | 约束 | 唯一約束 | 外键 | 重复 (键 | 条目) | 死锁 | 行级安全 | 对表 | 串行访问'
      '| 表或视图 | (关系 | 字段 | 列 | 函数 | 操作符 | 角色) & (不存在 | 太长) | 语法错误 | 对象名 | 输入语法'
      '| 查询命令'
      '| データベース | 一意性制約 | 一意制約 | 外部キー | デッドロック | リレーション | (列 | 関数 | 演算子) & '
      'ません | (ロール | スキーマ) & 存在しません | 構文エラー | 行レベルセ | 検査制約 | 表またはビ | ロック待ち'
      '| 데이터베이스* | 릴레이션* | 칼럼* | 제약* | 중복된 키 | 참조키* | 교착 상태*',
    unless => 'dns | indexeddb',
    example => '重复键违反唯一约束',
    counterexample => '页面不存在'
  );
  return next monitoring.define_rule(
    name => 'localized_topic_database_words',
    priority => 9066, category => 'database',
    matches => 'tabelle | spalte | transaktion* | colonne | contrainte | requête sql | verrou | columna | tabla'
      '| transacción | restricción | coluna | tabela | transação | restrição | transazione | tabella | таблиц*'
      '| транзакци* | 事务 | 语句 | 表空间 | 查询 | 查詢 | テーブル | トランザクション | クエリ | ステートメント'
      '| 테이블* | 트랜잭션* | 쿼리*',
    example => 'Die Transaktion ist beendet',
    counterexample => 'Die Antwort ist leer'
  );
end
$$;

comment on function monitoring.list_localized_database_topics() is
'Returns the built-in rules for words of other languages that give the category database.';

create function monitoring.list_localized_topics()
returns setof public.classification_rules
language plpgsql
stable
security invoker
set search_path = ''
as $$
begin
  return next monitoring.define_rule(
    name => 'localized_topic_security',
    priority => 9071, category => 'security',
    matches => 'zugriff verweigert | berechtigung* | nicht autorisiert | anmeldung | passwort* | kennwort*'
      '| authentifizierung* | verboten'
      '| accès refusé | permission non | autorisation* | non autorisé* | authentification | mot de passe | interdit'
      '| acceso denegado | permiso denegado | contraseña* | autenticación | autentificación | no autorizad*'
      '| prohibido | inicio de sesión | acesso negado | permissão (negada | recusada) | senha | autenticação | não '
      'autorizad* | proibido'
      '| accesso negato | permesso negato | autenticazione | non autorizzat* | hasł* | uwierzytelni* | доступ '
      '(запрещен | закрыт) | отказано в доступе | парол* | аутентификаци*'
      '| 权限 | 拒绝访问 | 禁止访问 | 未授权 | 未经授权 | 认证 | 登录 | 密码 | 口令 | 令牌 | 存取被拒 | 權限 | 登入'
      '| 密碼 | 身份验证 | 認証 | パスワード | ログイン | トークン | アクセスが拒 | 許可がありま | 権限 | 권한*'
      '| 인증을 | 인증에 | 인증 | 비밀번호* | 로그인*',
    unless => 'eacces | content security policy',
    example => 'Zugriff verweigert',
    counterexample => 'Der Zugriff wurde gewährt'
  );
  return next monitoring.define_rule(
    name => 'localized_topic_infrastructure',
    priority => 9078, category => 'infrastructure',
    matches => 'speicherplatz | festplatte* | speicher aufgebraucht | kein speicher | nicht genügend'
      '| speicherzugriffsfehler | offene dateien | netzwerk* | zertifikat*'
      '| espace (disponible | insuffisant) | disque plein | mémoire | fichiers ouverts | réseau | certificat*'
      '| espacio en | disco lleno | memoria | ficheros abiertos | archivos abiertos | espaço (disponível | livre'
      '| insuficiente) | disco cheio | memória | arquivos abertos'
      '| spazio esaurito | disco pieno | brak miejsca | brak pamięci | przydzielić pamięci | памят* | свободного '
      'места | сертификат*'
      '| 内存 | 記憶體 | 磁盘 | 磁碟 | 没有空间 | 文件过多 | 证书 | 憑證 | 网络 | 網路 | メモリ | ディスク'
      '| 空き領域 | 証明書 | ネットワーク | 메모리* | 디스크* | 남은 공간* | 인증서* | 네트워크*',
    example => 'Kein Speicherplatz mehr auf dem Gerät verfügbar',
    counterexample => 'Die Datei ist leer'
  );
  return next monitoring.define_rule(
    name => 'localized_topic_frontend',
    priority => 9084, category => 'frontend',
    matches => 'gemischten aktiven | contenu mixte | contenido mixto | conteúdo misto | 混合内容 | 混在コンテンツ'
      '| navigateur | navegador | stilvorlage | feuille de style | hoja de estilo | 浏览器 | 瀏覽器 | ブラウザ'
      '| 브라우저*',
    example => 'Das Laden von gemischten aktiven Inhalten wurde blockiert',
    counterexample => 'Das Dokument ist leer'
  );
end
$$;

comment on function monitoring.list_localized_topics() is
'Returns the built-in rules for words of other languages that give another category.';
